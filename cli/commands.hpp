// Every command with its words and flags. What is parsed, what --help says, what a shell completes and what
// the man page is compared with: all of it comes from this table. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

// What a word may be, so that a shell can complete it.
enum class Means : unsigned char {
    anything,
    file,
    folder,
    choice,      // one of Flag::choices or Command::choices
    hint,        // one of them, or something else
    kind,        // of object: one of Command::choices, or a short name of one
    name,        // of an object of the kind that stands before it
    pod,         // of the running gateway
    service,     // likewise
    name_space,  // likewise
};

struct Flag {
    char brief = 0;            // 'f' for -f; 0: none
    std::string_view full{};   // "--filename"
    std::string_view value{};  // what stands behind it, as "PATH"; empty: nothing, it is a switch
    std::string_view text{};   // for --help
    Means means = Means::anything;
    std::string_view choices{};   // with blanks between; others are refused
    std::string_view variable{};  // of the environment, that stands in for the flag
    bool takes_more = false;      // words that follow its value belong to it too: -f a.yaml b.yaml
};

struct Command {
    std::string_view name{};
    std::string_view words{};    // that it takes, as "KIND [NAME]"
    std::string_view summary{};  // a line in the list of commands
    std::string_view about{};    // --help begins with it
    std::string_view examples{};
    std::vector<Flag> flags{};
    std::vector<Means> means{};  // of its words, in order; "..." in `words`: the last one of all further ones
    std::string_view choices{};  // of a word that means Means::choice
    std::string_view notes{};    // --help ends with them
    bool hidden = false;         // known, but not told
};

std::span<const Command> commands();
const Command* find_command(std::string_view name);            // null: there is none
const Flag* find_flag(const Command&, std::string_view word);  // "-f" or "--filename"; --help is one of each

std::vector<std::string_view> split_choices(std::string_view);

std::string help();                // `pilotlight --help`
std::string help(const Command&);  // `pilotlight COMMAND --help`

}  // namespace cli
