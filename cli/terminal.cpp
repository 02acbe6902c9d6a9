#include "cli/terminal.hpp"

#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>

namespace cli {
namespace {

constexpr int handled[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP, SIGCONT};

sigset_t all_handled() {
    sigset_t out;
    ::sigemptyset(&out);
    for (const int one : handled) ::sigaddset(&out, one);
    return out;
}

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

}  // namespace

bool is_terminal(int fd) {
    const auto kind = environment("TERM");
    return ::isatty(fd) == 1 && !kind.empty() && kind != "dumb";
}

bool wants_colour(int fd) {
    return is_terminal(fd) && environment("NO_COLOR").empty();
}

Terminal::Terminal() {
    const auto mask = all_handled();
    ::pthread_sigmask(SIG_BLOCK, &mask, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    signals_ = pods::UniqueFd(::signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC));
}

void Terminal::enter() {
    termios now{};
    if (::tcgetattr(STDIN_FILENO, &now) == 0) {
        before_ = now;
        now.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);  // ISIG stays: Ctrl-C is a signal
        now.c_cc[VMIN] = 1;
        now.c_cc[VTIME] = 0;
        ::tcsetattr(STDIN_FILENO, TCSANOW, &now);
    }
    entered_ = true;
    write("\x1b[?1049h\x1b[?25l\x1b[2J");  // xterm, "ctlseqs": the alternate screen, no cursor
}

void Terminal::leave() noexcept {
    if (!std::exchange(entered_, false)) return;
    write("\x1b[0m\x1b[?25h\x1b[?1049l");
    if (before_) ::tcsetattr(STDIN_FILENO, TCSANOW, &*before_);
}

void Terminal::suspend() {
    leave();
    ::kill(::getpid(), SIGSTOP);
    enter();
}

std::pair<std::size_t, std::size_t> Terminal::size() const {
    winsize out{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &out) != 0 || out.ws_col == 0 || out.ws_row == 0) return {80, 24};
    return {out.ws_col, out.ws_row};
}

std::optional<int> Terminal::signal() {
    signalfd_siginfo out{};
    if (::read(signals_.get(), &out, sizeof out) != sizeof out) return std::nullopt;
    return static_cast<int>(out.ssi_signo);
}

bool Terminal::write(std::string_view text) {
    while (!text.empty()) {
        const auto written = ::write(STDOUT_FILENO, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

}  // namespace cli
