// The words behind a command, read as its row in the table of commands says: flags as kubectl takes them ("-n
// x",
// "-nx", "-n=x", "--namespace x", "--namespace=x", "-Aw"), everything behind "--" is no flag. Pure, but for
// within().
#pragma once

#include <functional>
#include <iosfwd>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/commands.hpp"

namespace cli {

// What is wrong with the words; exit status 2.
struct Usage : std::runtime_error {
    using runtime_error::runtime_error;
};

class Words {
public:
    Words(const Command&, std::span<const std::string>);  // throws Usage

    // By the flag's full name, which must be one of the command's.
    bool has(std::string_view flag) const { return value(flag).has_value(); }
    std::optional<std::string> value(std::string_view flag) const;  // the last one counts
    std::string value(std::string_view flag, std::string otherwise) const;
    std::vector<std::string> values(std::string_view flag) const;
    // A number within bounds. Throws Usage.
    std::optional<long> number(std::string_view flag, long least, long most) const;

    const std::vector<std::string>& free() const { return free_; }  // those that are no flags
    // As many as the command takes; throws Usage with what is missing or which one is too many.
    std::string only(std::string_view missing) const;

    bool asks_for_help() const { return has("--help"); }
    const Command& command() const { return *command_; }

private:
    void long_flag(const std::string& word, std::span<const std::string>& left);
    void short_flags(const std::string& word, std::span<const std::string>& left);
    void take(const Flag&, std::string value);
    void take_free(const std::string& word);

    const Command* command_;
    const Flag* open_ = nullptr;  // further words are its own
    std::vector<std::pair<std::string_view, std::string>> flags_;
    std::vector<std::string> free_;
};

// Values of flags that the environment may give too, where it does: those in the table with a variable.
std::optional<std::string> from_environment(const Command&, std::string_view flag);

// Reads the words and hands them to `run`; answers --help, wrong usage (Usage and std::invalid_argument: 2)
// and failure (any other exception: 1).
int within(std::string_view command, std::span<const std::string> args, std::ostream& out, std::ostream& err,
           const std::function<int(const Words&)>& run);

}  // namespace cli
