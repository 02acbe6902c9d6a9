#include "pods/launch.hpp"

#include <charconv>

namespace pods {

namespace {

class Writer {
public:
    void put(std::string_view text) {
        if (text.find('\0') != text.npos) is_whole_ = false;
        out_.append(text).push_back('\0');
    }
    void put(const std::vector<std::string>& list) {
        put(std::to_string(list.size()));
        for (const auto& text : list) put(text);
    }
    std::optional<std::string> take() {
        if (!is_whole_) return std::nullopt;
        return std::move(out_);
    }

private:
    std::string out_;
    bool is_whole_ = true;
};

class Reader {
public:
    explicit Reader(std::string_view text) : rest_(text) {}

    std::string text() {
        const auto end = rest_.find('\0');
        if (end == rest_.npos) {
            is_whole_ = false;
            return {};
        }
        std::string out(rest_.substr(0, end));
        rest_.remove_prefix(end + 1);
        return out;
    }
    std::uint64_t number() {
        const std::string digits = text();
        std::uint64_t value = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        if (error != std::errc{} || end != digits.data() + digits.size()) is_whole_ = false;
        return value;
    }
    std::vector<std::string> list() {
        std::vector<std::string> out;
        for (auto left = number(); left > 0 && is_whole_; --left) out.push_back(text());
        return out;
    }
    bool is_finished() const { return is_whole_ && rest_.empty(); }

private:
    std::string_view rest_;
    bool is_whole_ = true;
};

}  // namespace

std::optional<std::string> encode(const Launch& launch) {
    Writer out;
    out.put(launch.name);
    out.put(launch.program);
    out.put(launch.argv);
    out.put(launch.env);
    out.put(launch.working_dir);
    out.put(launch.log_file);
    out.put(std::to_string(launch.log_bytes));
    out.put(std::to_string(launch.log_files));
    return out.take();
}

std::optional<Launch> decode_launch(std::string_view text) {
    Reader in(text);
    Launch launch;
    launch.name = in.text();
    launch.program = in.text();
    launch.argv = in.list();
    launch.env = in.list();
    launch.working_dir = in.text();
    launch.log_file = in.text();
    launch.log_bytes = in.number();
    launch.log_files = static_cast<int>(in.number());
    if (!in.is_finished()) return std::nullopt;
    return launch;
}

}  // namespace pods
