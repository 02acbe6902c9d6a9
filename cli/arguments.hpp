// The words after a command that asks a running gateway, with flags as kubectl takes them.
#pragma once

#include <fmt/format.h>

#include <cstdlib>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace cli {

// What is wrong with the words; exit status 2.
struct Usage : std::runtime_error {
    using runtime_error::runtime_error;
};

// The admin address when no --server is given.
inline std::string default_server() {
    const char* named = std::getenv("PILOTLIGHT_SERVER");
    return named != nullptr && *named != '\0' ? named : "http://127.0.0.1:9901";
}

// Flags as kubectl takes them: "-n x", "-nx", "-n=x", "--namespace x", "--namespace=x".
class Arguments {
public:
    explicit Arguments(std::span<const std::string> all) : left_(all) {}

    bool next() {
        if (left_.empty() && more_.empty()) return false;
        flag_ = std::exchange(more_, {});
        if (flag_.empty()) {
            flag_ = left_.front();
            left_ = left_.subspan(1);
        }
        value_.reset();
        const bool is_long = flag_.starts_with("--");
        if (const auto equals = flag_.find('='); is_long && equals != std::string::npos)
            split(equals, equals + 1);
        else if (!is_long && flag_.size() > 2 && flag_[0] == '-')
            split(2, flag_[2] == '=' ? 3 : 2);
        return true;
    }
    const std::string& flag() const { return flag_; }
    bool is(std::string_view brief, std::string_view full) const { return flag_ == brief || flag_ == full; }
    std::string value() {
        if (value_) return *std::exchange(value_, std::nullopt);
        if (left_.empty()) throw Usage(fmt::format("{} needs a value", flag_));
        auto out = left_.front();
        left_ = left_.subspan(1);
        return out;
    }
    // What follows a short flag without a value is more such flags: "-Aw", "-Aowide".
    void no_value() {
        if (value_ && flag_.starts_with("--")) throw Usage(fmt::format("{} takes no value", flag_));
        if (value_) more_ = "-" + *std::exchange(value_, std::nullopt);
    }

private:
    void split(std::size_t flag_end, std::size_t value_begin) {
        value_ = flag_.substr(value_begin);
        flag_.resize(flag_end);
    }

    std::span<const std::string> left_;
    std::string flag_, more_;
    std::optional<std::string> value_;
};

}  // namespace cli
