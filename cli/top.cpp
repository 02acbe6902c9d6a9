#include "cli/top.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <ostream>
#include <stdexcept>
#include <thread>
#include <vector>

#include "admin/client.hpp"
#include "cli/connection_flags.hpp"
#include "cli/terminal.hpp"
#include "cli/top_model.hpp"
#include "cli/top_view.hpp"
#include "cli/words.hpp"

namespace cli {
namespace {

struct Wish {
    std::string server, service;
    std::optional<long> times;
    bool json = false;
};

Wish read_wish(const Words& words) {
    Wish out;
    out.server = server_of(words);
    if (words.free().size() > 1)
        throw Usage(fmt::format("one SERVICE, and '{}' is another", words.free()[1]));
    if (!words.free().empty()) out.service = words.free().front();
    out.times = words.number("--iterations", 1, std::numeric_limits<int>::max());
    if (words.has("--once")) out.times = 1;
    out.json = words.has("--output");
    return out;
}

struct NothingToShow : std::runtime_error {
    using runtime_error::runtime_error;
};

void expect_200(const admin::Reply& reply, const std::string& server) {
    if (reply.status == 200) return;
    const auto* advice = reply.status == 401 || reply.status == 403 ? "; name a token with --token-file FILE"
                         : reply.status == 404 ? "; is it the admin address of a gateway?"
                                               : "";
    throw NothingToShow(fmt::format("{} answered {}{}", server, reply.status, advice));
}

// The frames of the gateway's stream, until it ends or `frame` returns false.
void follow(admin::Client& client, const std::string& server,
            const std::function<bool(std::string_view)>& frame) {
    constexpr std::string_view data = "data: ";
    const auto reply = client.follow("/dashboard/stream", "text/event-stream", [&](std::string_view line) {
        return !line.starts_with(data) || frame(line.substr(data.size()));
    });
    expect_200(reply, server);
}

std::string timeline(admin::Client& client, const std::string& server) {
    auto reply = client.get("/dashboard/timeline", "application/json");
    expect_200(reply, server);
    return std::move(reply.body);
}

bool has(const TopState& state, const std::string& service) {
    for (const auto& one : state.services)
        if (is_meant(service, one.name)) return true;
    return service.empty();
}

int print(const Wish& wish, std::ostream& out) {
    admin::Client client(wish.server);
    TopModel model;
    model.timeline(timeline(client, wish.server));
    long left = wish.times.value_or(1);
    bool unknown = false, first = true;
    follow(client, wish.server, [&](std::string_view frame) {
        if (!model.frame(frame)) return true;
        unknown = !has(model.state(), wish.service);
        if (unknown) return false;
        if (wish.json)
            out << top_as_json(model.state(), wish.service) << "\n";
        else
            out << (std::exchange(first, false) ? "" : "\n") << tables(model.state(), wish.service);
        out.flush();
        return --left > 0 && out.good();
    });
    if (unknown)
        throw NothingToShow(
            fmt::format("no service \"{}\"; 'pilotlight get services -A' lists them", wish.service));
    if (left > 0 && out.good())
        throw NothingToShow(fmt::format("the gateway at {} closed the connection", wish.server));
    return 0;
}

// Reads from the gateway on a thread of its own, again and again, and rings.
class Reader {
public:
    explicit Reader(Wish wish) : wish_(std::move(wish)), bell_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

    void start() {
        std::thread([this] {
            run();
        }).detach();  // it may wait for the gateway as long as it likes: see live()
    }
    int bell() const { return bell_.get(); }

    // What came since the last time. Empty trouble: all is well.
    std::string take(TopModel& model) {
        std::uint64_t rung = 0;
        [[maybe_unused]] const auto read = ::read(bell_.get(), &rung, sizeof rung);
        const std::lock_guard lock(mutex_);
        for (const auto& [is_timeline, text] : std::exchange(texts_, {}))
            is_timeline ? model.timeline(text) : void(model.frame(text));
        return trouble_;
    }

private:
    void run() {
        for (;;) {
            try {
                admin::Client client(wish_.server);
                put(true, timeline(client, wish_.server));
                follow(client, wish_.server,
                       [&](std::string_view frame) { return put(false, std::string(frame)); });
                fail("the gateway closed the connection; looking for it again");
            } catch (const std::exception& error) {
                fail(error.what());
            }
            std::this_thread::sleep_for(std::chrono::seconds(1));
        }
    }

    bool put(bool is_timeline, std::string text) {
        constexpr std::size_t most = 100;  // while Ctrl-S holds the screen
        {
            const std::lock_guard lock(mutex_);
            trouble_.clear();
            if (texts_.size() < most) texts_.emplace_back(is_timeline, std::move(text));
        }
        ring();
        return true;
    }
    void fail(const std::string& why) {
        {
            const std::lock_guard lock(mutex_);
            trouble_ = why;
        }
        ring();
    }
    void ring() const {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(bell_.get(), &one, sizeof one);
    }

    Wish wish_;
    pods::UniqueFd bell_;
    std::mutex mutex_;
    std::vector<std::pair<bool, std::string>> texts_;
    std::string trouble_;
};

// Owns the screen while it is looked at.
class Screen {
public:
    Screen(Terminal& terminal, Reader& reader, const Wish& wish) : terminal_(terminal), reader_(reader) {
        look_.colour = wants_colour(STDOUT_FILENO);
        look_.server = wish.server;
        look_.service = wish.service;
    }

    void show() {
        pollfd watched[] = {
            {STDIN_FILENO, POLLIN, 0}, {terminal_.signals(), POLLIN, 0}, {reader_.bell(), POLLIN, 0}};
        for (;;) {
            if (::poll(watched, std::size(watched), -1) < 0) continue;
            if (watched[0].revents != 0 && !pressed()) watched[0].fd = -1;
            if (watched[1].revents != 0) signalled();
            if (watched[2].revents != 0) look_.trouble = reader_.take(model_);
            if (over_ || !draw()) return;
        }
    }

private:
    bool pressed() {  // false: there are no keys any more
        char room[256];
        const auto octets = ::read(STDIN_FILENO, room, sizeof room);
        if (octets <= 0) return false;
        typed_.append(room, static_cast<std::size_t>(octets));
        for (const auto& key : keys(typed_)) {
            over_ = over_ || key.key == Key::quit;
            look_.service = chosen(model_.state(), look_.service, key);
        }
        return true;
    }

    void signalled() {
        while (const auto signal = terminal_.signal()) {
            if (*signal == SIGTSTP)
                terminal_.suspend();
            else if (*signal != SIGWINCH && *signal != SIGCONT)
                over_ = true;
        }
    }

    bool draw() {
        std::tie(look_.width, look_.height) = terminal_.size();
        std::string out = "\x1b[H";
        const auto lines = picture(model_.state(), look_);
        for (std::size_t i = 0; i < lines.size(); ++i)
            (out += lines[i]) += i + 1 < lines.size() ? "\x1b[K\r\n" : "\x1b[K";
        return Terminal::write(out += "\x1b[J");
    }

    Terminal& terminal_;
    Reader& reader_;
    TopModel model_;
    TopLook look_;
    std::string typed_;
    bool over_ = false;
};

[[noreturn]] void live(const Wish& wish) {
    Terminal terminal;
    Reader reader(wish);
    reader.start();
    terminal.enter();
    Screen(terminal, reader, wish).show();
    terminal.leave();
    std::_Exit(0);  // the reader may be in the middle of a read, and has nothing to tidy up
}

int run(const Wish& wish, std::ostream& out) {
    if (wish.times || wish.json || !is_terminal(STDOUT_FILENO)) return print(wish, out);
    admin::Client client(wish.server);
    timeline(client, wish.server);  // that there is a gateway is seen before the screen is cleared
    live(wish);
}

}  // namespace

int top(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
    return within("top", args, out, err, [&](const Words& words) { return run(read_wish(words), out); });
}

}  // namespace cli
