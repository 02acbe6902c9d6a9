// What is wrong with a manifest, where, and what would be right. Reading goes on after a problem, so that
// everything wrong is said at once.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace manifest {

struct Problem {
    std::string file;
    int line = 0;    // from 1; 0: the file as a whole
    int column = 0;  // from 1, in bytes
    std::string text;
    bool warning = false;

    friend bool operator==(const Problem&, const Problem&) = default;
};

// "file:line:column: text", with "warning: " before the text of a warning; without numbers for a whole file.
std::string to_string(const Problem& problem);

// Where something was read. `file` is the name of a Source and lives as long as it.
struct Place {
    std::string_view file;
    int line = 0;
    int column = 0;
};

// "file:line:column"
std::string to_string(const Place& place);

// Collects problems. At most `most` are kept: a hostile file cannot make the list endless. Control characters
// in a text are escaped.
class Problems {
public:
    static constexpr std::size_t most = 200;

    void error(const Place& place, std::string_view text);
    void warning(const Place& place, std::string_view text);
    // A warning that is said only the first time that `key` is met.
    void warn_once(std::string_view key, const Place& place, std::string_view text);

    bool failed() const { return errors_ > 0; }
    std::size_t errors() const { return errors_; }
    const std::vector<Problem>& all() const { return problems_; }

    // Everything, in the order of `files` and of the lines in them. One line more if some were left out.
    std::vector<Problem> take(std::span<const std::string_view> files);

private:
    void add(const Place& place, std::string_view text, bool warning);

    std::vector<Problem> problems_;
    std::set<std::string, std::less<>> warned_;
    std::size_t errors_ = 0;
    std::size_t left_out_ = 0;
};

// A value as it stands in a message: in double quotes, long ones cut.
std::string quote(std::string_view value);

// The candidate that a misspelt word most likely means; empty if none is near. Case does not count.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

// "; did you mean X?" or nothing.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates);

// "a, b or c"
std::string either(std::span<const std::string_view> words);

}  // namespace manifest
