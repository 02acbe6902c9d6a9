// A terminal lent to a program that draws on all of it: the alternate screen, keys as they are pressed, no
// cursor. However the program ends, it is given back as it was.
#pragma once

#include <termios.h>

#include <optional>
#include <string_view>
#include <utility>

#include "pods/unique_fd.hpp"

namespace cli {

bool is_terminal(int fd);   // that understands escape sequences: TERM is neither empty nor "dumb"
bool wants_colour(int fd);  // and NO_COLOR is not set (no-color.org)

class Terminal {
public:
    // Signals that would end the process come to signals() from now on: begin threads afterwards.
    Terminal();
    ~Terminal() { leave(); }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    void enter();
    void leave() noexcept;
    void suspend();  // Ctrl-Z; comes back when the shell says so

    std::pair<std::size_t, std::size_t> size() const;  // columns, lines
    int signals() const { return signals_.get(); }
    std::optional<int> signal();  // that came; empty: none

    static bool write(std::string_view);  // false: nobody reads any more

private:
    pods::UniqueFd signals_;
    std::optional<termios> before_;
    bool entered_ = false;
};

}  // namespace cli
