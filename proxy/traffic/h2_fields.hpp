// The head of an answer as HTTP/2 says it. Its status is left to nghttp2, which begins the head with it; the
// fields follow as literals that no table remembers (RFC 7541 section 6.2.2), so that nothing here has a
// state that could part from the client's. What is new in most answers (times, ids, cookies) would only push
// out of a table what is useful, and to code it shorter (Huffman) costs more than the octets it spares. Pure.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace proxy {

// A field that only HTTP/1.1 has, in whatever case (RFC 9113 section 8.2.2).
bool is_connection_specific(std::string_view name);

class H2Fields {
public:
    H2Fields() = default;
    explicit H2Fields(int status);
    // A whole head, written as HTTP/1.1 would say it, by us; a 101 becomes a 200 (RFC 8441 section 5).
    explicit H2Fields(std::string_view head);
    // In lower case, unless only HTTP/1.1 has such a field (RFC 9113 section 8.2.2). No blank is around the
    // value.
    void add(std::string_view name, std::string_view value);
    void add_lines(std::string_view lines, std::string_view but = {});  // whole ones, by us; but that name
    std::string_view status() const { return {status_.data(), status_.size()}; }
    std::string& block() { return block_; }
    bool interim() const { return status_.front() == '1'; }

private:
    std::array<char, 3> status_{};
    std::string block_;
};

// Appends to `out` the frame of a head that nghttp2 has written, whole and without padding, with more of its
// field block behind: in frames of CONTINUATION if it is too long for one.
void append_head_frames(std::string& out, std::string_view frame, std::string_view block);

}  // namespace proxy
