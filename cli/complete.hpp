// What a shell may put for the word that is being typed, by the table of commands. Pure: whoever calls asks
// the gateway.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands.hpp"

namespace cli {

struct Candidate {
    std::string word, text;  // the text is for people; may be empty

    friend bool operator==(const Candidate&, const Candidate&) = default;
};

struct Completion {
    std::vector<Candidate> candidates;
    Means besides = Means::anything;  // file or folder: the shell adds them
};

// Names of objects of a kind ("pods"), as the gateway has them that these words mean.
using AskNames = std::function<std::vector<std::string>(const Command&, std::span<const std::string> words,
                                                        std::string_view kind)>;

// The words behind "pilotlight"; the last is the one being typed, maybe empty. bash tears "--output=json"
// into three words, other shells do not: both are understood.
Completion complete(std::span<const std::string> words, const AskNames&);

// What the shells' scripts read: a line a candidate, "word\ttext", and ":file", ":folder" or ":none".
std::string to_lines(const Completion&);

// The script for "bash", "zsh" or "fish".
std::string_view completion_script(std::string_view shell);

}  // namespace cli
