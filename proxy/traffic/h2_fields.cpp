#include "proxy/traffic/h2_fields.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "proxy/traffic/head.hpp"
#include "proxy/traffic/octet.hpp"

namespace proxy {
namespace {

struct Known {
    std::string_view name;
    unsigned char index;
};
// RFC 7541 appendix A, as far as answers use it; by size.
constexpr std::array<Known, 26> known{{{"age", 21},
                                       {"date", 33},
                                       {"etag", 34},
                                       {"link", 45},
                                       {"vary", 59},
                                       {"allow", 22},
                                       {"server", 54},
                                       {"expires", 36},
                                       {"refresh", 52},
                                       {"location", 46},
                                       {"set-cookie", 55},
                                       {"retry-after", 53},
                                       {"content-type", 31},
                                       {"last-modified", 44},
                                       {"cache-control", 24},
                                       {"accept-ranges", 18},
                                       {"content-range", 30},
                                       {"content-length", 28},
                                       {"content-encoding", 26},
                                       {"content-language", 27},
                                       {"content-location", 29},
                                       {"www-authenticate", 61},
                                       {"proxy-authenticate", 48},
                                       {"content-disposition", 25},
                                       {"strict-transport-security", 56},
                                       {"access-control-allow-origin", 20}}};
constexpr std::size_t longest_known = known.back().name.size();
constexpr std::size_t set_cookie = 55;

// Where the names of each size begin; the next one's beginning is their end.
constexpr auto beginnings = [] {
    std::array<unsigned char, longest_known + 2> out{};
    for (std::size_t size = 0; size < out.size(); ++size) {
        unsigned char at = 0;
        while (at < known.size() && known[at].name.size() < size) ++at;
        out[size] = at;
    }
    return out;
}();

template <class Word>
Word word_of(const char* octets) {
    Word word;
    std::memcpy(&word, octets, sizeof word);
    return word;
}

// Of the same size, a word at a time. Of what a token may have, only a letter becomes one of a known name's
// octets by this bit.
template <class Word>
bool is_same(std::string_view token, std::string_view in_lower_case) {
    constexpr auto bits = static_cast<Word>(0x2020202020202020);
    const auto last = token.size() - sizeof(Word);
    for (std::size_t at = 0;; at = std::min(at + sizeof(Word), last)) {
        if ((word_of<Word>(token.data() + at) | bits) != word_of<Word>(in_lower_case.data() + at))
            return false;
        if (at == last) return true;
    }
}

bool is_same_token(std::string_view token, std::string_view in_lower_case) {
    if (token.size() >= 8) return is_same<std::uint64_t>(token, in_lower_case);
    if (token.size() >= 4) return is_same<std::uint32_t>(token, in_lower_case);
    return same_letters(token, in_lower_case);
}

std::size_t index_of(std::string_view name) {  // 0: it has none
    if (name.size() > longest_known) return 0;
    for (std::size_t at = beginnings[name.size()]; at < beginnings[name.size() + 1]; ++at)
        if (lower(name.front()) == known[at].name.front() && is_same_token(name, known[at].name))
            return known[at].index;
    return 0;
}

// In lower case, eight octets at a time.
char* put_lower(char* at, std::string_view text) {
    constexpr std::uint64_t ones = 0x0101010101010101, tops = ones << 7;
    for (; text.size() >= 8; text.remove_prefix(8), at += 8) {
        auto eight = word_of<std::uint64_t>(text.data());
        const auto seven = eight & ~tops;  // bits of each, so that no sum reaches the next octet
        const auto from_a = seven + ones * (0x80 - 'A'), beyond_z = seven + ones * (0x7f - 'Z');
        eight |= (from_a & ~beyond_z & ~eight & tops) >> 2;
        std::memcpy(at, &eight, 8);
    }
    for (const char c : text) *at++ = lower(c);
    return at;
}

char* put(char* at, std::string_view text) {
    std::memcpy(at, text.data(), text.size());
    return at + text.size();
}

// RFC 7541 section 5.1; `first` has the bits before the prefix of so many bits.
inline char* put_integer(char* at, unsigned first, unsigned bits, std::size_t value) {
    const std::size_t most = (std::size_t{1} << bits) - 1;
    *at++ = static_cast<char>(first | std::min(value, most));
    if (value < most) return at;
    for (value -= most; value >= 128; value >>= 7) *at++ = static_cast<char>(value | 128);
    *at++ = static_cast<char>(value);
    return at;
}

constexpr std::size_t usual_block = 512;
constexpr std::size_t beside_octets = 1 + 2 * 10;  // at most, of a field: its kind, and two lengths

// A cookie is a secret: nobody on its way may put it into a table either (RFC 7541 section 7.1.3).
char* put_field(char* at, std::size_t index, std::string_view name, std::string_view value) {
    at = put_integer(at, index == set_cookie ? 0x10 : 0, 4, index);
    if (index == 0) at = put_lower(put_integer(at, 0, 7, name.size()), name);
    return put(put_integer(at, 0, 7, value.size()), value);
}

}  // namespace

bool is_connection_specific(std::string_view name) {
    switch (name.size()) {
        case 7:
            return same_letters(name, "upgrade");
        case 10:
            return same_letters(name, "connection") || same_letters(name, "keep-alive");
        case 16:
            return same_letters(name, "proxy-connection");
        case 17:
            return same_letters(name, "transfer-encoding");
        default:
            return false;
    }
}

H2Fields::H2Fields(int status) {
    for (auto digit = status_.rbegin(); digit != status_.rend(); ++digit, status /= 10)
        *digit = static_cast<char>('0' + status % 10);
    block_.reserve(usual_block);
}

H2Fields::H2Fields(std::string_view head) {
    const auto status = head.substr(std::string_view("HTTP/1.1 ").size(), 3);
    const bool switches = status == "101";
    std::copy_n(switches ? "200" : status.data(), status_.size(), status_.begin());
    block_.reserve(usual_block);
    add_lines(head.substr(head.find('\n') + 1), switches ? "sec-websocket-accept" : "");
}

void H2Fields::add(std::string_view name, std::string_view value) {
    const auto index = index_of(name);
    if (index == 0 && is_connection_specific(name)) return;
    const auto before = block_.size();
    block_.resize(before + name.size() + value.size() + beside_octets);
    const auto* const end = put_field(block_.data() + before, index, name, value);
    block_.resize(static_cast<std::size_t>(end - block_.data()));
}

void H2Fields::add_lines(std::string_view lines, std::string_view but) {
    while (!lines.empty()) {
        const auto colon = lines.find(':'), end = lines.find('\r', colon);
        if (end == std::string_view::npos) break;
        const auto name = lines.substr(0, colon);
        auto value = lines.substr(colon + 1, end - colon - 1);
        lines.remove_prefix(end + 2);
        while (!value.empty() && is_blank(value.front())) value.remove_prefix(1);
        if (!same_name(name, but)) add(name, value);
    }
}

void append_head_frames(std::string& out, std::string_view frame, std::string_view block) {
    constexpr std::size_t frame_head = 9, most = 16'384;  // that every peer takes: RFC 9113 section 4.2
    constexpr char continuation = 9, end_headers = 4;
    auto payload = frame.substr(frame_head);
    std::array<char, frame_head> head;
    std::copy_n(frame.data(), frame_head, head.data());
    out.reserve(out.size() + frame.size() + block.size() + frame_head * (block.size() / most + 1));
    for (bool first = true; first || !block.empty(); first = false) {
        const auto here = block.substr(0, most - payload.size());
        block.remove_prefix(here.size());
        const auto size = payload.size() + here.size();
        for (std::size_t i = 0; i < 3; ++i) head[i] = static_cast<char>(size >> (8 * (2 - i)) & 0xff);
        if (!first) head[3] = continuation, head[4] = 0;
        head[4] = static_cast<char>(block.empty() ? head[4] | end_headers : head[4] & ~end_headers);
        out.append(head.data(), head.size()).append(std::exchange(payload, {})).append(here);
    }
}

}  // namespace proxy
