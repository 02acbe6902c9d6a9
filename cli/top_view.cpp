#include "cli/top_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace cli {
namespace {

struct Shown {
    std::string_view state;
    char mark;
    int colour;  // SGR, ECMA-48 8.3.117
};

constexpr std::array<Shown, 6> known_states{{{"waiting", '?', 90},
                                             {"starting", '.', 33},
                                             {"idle", '-', 32},
                                             {"busy", '#', 36},
                                             {"draining", '=', 35},
                                             {"failed", '!', 31}}};
constexpr int bold = 1, faint = 90, red = 31;

const Shown* shown_as(std::string_view state) {
    const auto* found = std::ranges::find(known_states, state, &Shown::state);
    return found != known_states.end() ? found : nullptr;
}

// One line: so many columns, whatever is put into it.
class ScreenLine {
public:
    ScreenLine(std::size_t width, bool colour) : left_(width), colour_(colour) {}

    ScreenLine& put(std::string_view text, int colour = 0) {
        const auto part = ascii(text.substr(0, left_));
        if (part.empty()) return *this;
        left_ -= part.size();
        if (colour_ && colour != 0)
            out_ += fmt::format("\x1b[{}m{}\x1b[0m", colour, part);
        else
            out_ += part;
        return *this;
    }
    ScreenLine& pad(std::string_view text, std::size_t width, int colour = 0) {
        put(text.substr(0, width), colour);
        return put(std::string(width - std::min(width, text.size()), ' '));
    }
    // A bar, each run of one state in its colour.
    ScreenLine& bar(std::string_view marks) {
        for (std::size_t i = 0; i < marks.size();) {
            auto end = marks.find_first_not_of(marks[i], i);
            end = std::min(end, marks.size());
            const auto* known = std::ranges::find(known_states, marks[i], &Shown::mark);
            put(marks.substr(i, end - i), known != known_states.end() ? known->colour : 0);
            i = end;
        }
        return *this;
    }
    std::size_t left() const { return left_; }
    std::string take() { return std::move(out_); }

private:
    std::size_t left_;
    bool colour_;
    std::string out_;
};

std::string short_time(double value) {
    constexpr double minute = 60, hour = 3600, day = 86'400;
    if (value < 0) value = 0;
    if (value < minute) return fmt::format("{:.1f}s", value);
    if (value < hour) return fmt::format("{}m{:02}s", int(value / minute), int(value) % 60);
    if (value < day) return fmt::format("{}h{:02}m", int(value / hour), int(value / minute) % 60);
    return fmt::format("{}d", static_cast<long>(std::min(value / day, 1e6)));
}

double age(const TopPod& pod, GatewayTime now) {
    return static_cast<double>(now - pod.since) / 1000;
}

std::string plural(int count, std::string_view what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// The end of a name tells pods apart: what is too long loses its beginning.
std::string end_of(const std::string& name, std::size_t width) {
    if (width == 0) return {};
    return name.size() <= width ? name : "~" + name.substr(name.size() - width + 1);
}

std::string clock(GatewayTime at) {
    constexpr GatewayTime day = 86'400'000;
    const auto second = (at % day) / 1000;
    return fmt::format("{:02}:{:02}:{:02} UTC", second / 3600, second / 60 % 60, second % 60);
}

class Picture {
public:
    Picture(const TopState& state, const TopLook& look) : state_(state), look_(look) {}

    std::vector<std::string> draw() {
        title();
        int number = 0, drawn = 0;
        for (const auto& one : state_.services) {
            ++number;
            if (!is_meant(look_.service, one.name)) continue;
            ++drawn;
            service(one, number);
        }
        if (drawn == 0 && look_.trouble.empty()) lines_.push_back(line().put(nothing()).take());
        crop();
        lines_.push_back(legend());
        return std::move(lines_);
    }

private:
    static constexpr std::size_t narrow = 72;
    ScreenLine line() const { return ScreenLine(look_.width, look_.colour); }

    std::string nothing() const {
        if (state_.time == 0) return "the first picture comes within a second";
        if (state_.services.empty())
            return "no services yet: pilotlight serve -f PATH, or kubectl apply -f PATH";
        return "no such service: " + look_.service;
    }

    void title() {
        if (state_.time == 0 && look_.trouble.empty()) return;
        auto top = line();
        top.put("pilotlight", bold).put(" " + state_.version + "  " + clock(state_.time) + "  ");
        if (!look_.trouble.empty()) {
            lines_.push_back(top.take());
            lines_.push_back(line().put(look_.trouble, red).take());
            return;
        }
        top.put(state_.draining  ? "draining"
                : state_.serving ? "serving"
                                 : "not serving",
                state_.serving && !state_.draining ? 32 : 33);
        top.put(fmt::format("  {}  {}  ", plural(state_.connections, "connection"),
                            plural(state_.requests, "request")));
        top.put(look_.server, faint);
        lines_.push_back(top.take());
    }

    void service(const TopService& one, int number) {
        lines_.emplace_back();
        const auto bounds =
            one.max_scale > 0 ? fmt::format(" of {} to {}", one.min_scale, one.max_scale) : std::string();
        auto figures = fmt::format("{}/{} pods ready{}", one.ready, one.wanted, bounds);
        if (one.starting > 0) figures += fmt::format(", {} starting", one.starting);
        figures += fmt::format("  {} busy", one.running);
        auto queue = one.waiting > 0 ? fmt::format("  {} waiting, the oldest {}", one.waiting,
                                                   short_time(one.oldest_wait()))
                                     : std::string("  none waiting");
        auto head = line();
        head.put(number <= 9 ? fmt::format("{} ", number) : "  ", faint).put(one.name, bold);
        if (look_.width < narrow) {
            lines_.push_back(head.take());
            head = line();
            figures = fmt::format("{}/{} ready  {} busy", one.ready, one.wanted, one.running);
            if (one.waiting > 0)
                queue = fmt::format("  {} wait, {}", one.waiting, short_time(one.oldest_wait()));
        }
        head.put("  " + figures).put(queue, one.waiting > 0 ? 33 : 0);
        if (one.crash_looping) head.put("  crash-looping", red);
        lines_.push_back(head.take());
        sentence(one.reason);
        for (const auto& each : state_.pods)
            if (each.service == one.name) pod(each);
        if (!look_.service.empty()) details(one);
    }

    // The autoscaler's sentence, on two lines at most.
    void sentence(std::string_view reason) {
        constexpr std::size_t indent = 2;
        for (int i = 0; i < 2 && !reason.empty(); ++i) {
            auto end = reason.size();
            if (look_.width > indent + 1 && end > look_.width - indent) {
                end = reason.rfind(' ', look_.width - indent);
                if (end == std::string_view::npos || end == 0) end = look_.width - indent;
            }
            lines_.push_back(line().put("  ").put(reason.substr(0, end), faint).take());
            reason.remove_prefix(std::min(end + 1, reason.size()));
        }
    }

    void pod(const TopPod& one) {
        const bool wide = look_.width >= narrow;
        const std::size_t name = wide ? std::clamp<std::size_t>(look_.width / 4, 24, 40) : look_.width / 3;
        const std::size_t bar = wide ? std::min<std::size_t>(look_.width / 3, 60) : look_.width / 4;
        auto out = line();
        out.put("  ").pad(end_of(one.name, name), name).put(" ");
        out.bar(state_bar(one, state_.time, bar)).put(" ");
        const auto* as = shown_as(one.state);
        out.pad(one.state, 8, as != nullptr ? as->colour : 0).put(" ");
        out.put(short_time(one.work.empty() ? age(one, state_.time) : one.work.front().seconds));
        if (one.work.size() > 1) out.put(fmt::format(" +{}", one.work.size() - 1));
        if (one.sessions > 0) out.put("  " + plural(one.sessions, "session"));
        if (one.restarts > 0) out.put("  " + plural(one.restarts, "restart"), 33);
        if (!one.work.empty()) out.put("  ").put(one.work.front().id, faint);
        if (one.state == "failed") out.put("  " + one.message, red);
        lines_.push_back(out.take());
    }

    // Of the one that was chosen: who waits, and what ended last.
    void details(const TopService& one) {
        if (!one.queue.empty()) lines_.push_back(line().put("  waiting", bold).take());
        for (const auto& each : one.queue)
            lines_.push_back(line()
                                 .put("    ")
                                 .pad(short_time(each.seconds), 9)
                                 .put(each.client)
                                 .put(each.bound.empty() ? "" : "  for " + each.bound)
                                 .take());
        bool titled = false;
        for (auto last = state_.generations.rbegin(); last != state_.generations.rend(); ++last) {
            if (last->service != one.name) continue;
            if (!titled) lines_.push_back(line().put("  ended", bold).take());
            titled = true;
            auto out = line();
            out.put("    ")
                .pad(short_time(last->total), 9)
                .pad(fmt::format("{}", last->status), 5, last->status < 400 ? 32 : red);
            out.pad(end_of(last->pod, 24), 24).put("  " + last->id + "  " + last->client);
            lines_.push_back(out.take());
        }
    }

    // Room for the legend, and for saying that something is left out.
    void crop() {
        const auto most = look_.height > 1 ? look_.height - 1 : 1;
        if (lines_.size() <= most) return;
        const auto left_out = lines_.size() - most + 1;
        lines_.resize(most - std::min<std::size_t>(most, 1));
        lines_.push_back(
            line().put(fmt::format("... {} more lines; choose a service", left_out), faint).take());
    }

    std::string legend() const {
        auto out = line();
        if (look_.width >= narrow)
            out.put("1-9, arrows: a service  0: all  q: quit   ", faint);
        else
            out.put("1-9 0 q  ", faint);
        for (const auto& one : known_states)
            if (one.mark != '?')
                out.put(std::string(1, one.mark), one.colour).put(std::string(one.state) + " ", faint);
        return out.take();
    }

    const TopState& state_;
    const TopLook& look_;
    std::vector<std::string> lines_;
};

std::string aligned(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    std::string out;
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            out += row[i];
            if (i + 1 < row.size()) out.append(widths[i] - row[i].size() + 3, ' ');
        }
        out += '\n';
    }
    return out;
}

}  // namespace

std::string ascii(std::string_view text) {
    std::string out(text);
    for (auto& c : out)
        if (c < ' ' || c > '~') c = '?';
    return out;
}

std::string state_bar(const TopPod& pod, GatewayTime now, std::size_t width) {
    constexpr GatewayTime step = bar_step_seconds * 1000;
    std::string out(width, ' ');
    for (std::size_t i = 0; i < width; ++i) {
        const auto end = now - static_cast<GatewayTime>(width - 1 - i) * step, begin = end - step;
        for (std::size_t k = 0; k < pod.changes.size(); ++k) {
            const auto until = k + 1 < pod.changes.size() ? pod.changes[k + 1].at : now + 1;
            if (pod.changes[k].at > end || until <= begin) continue;
            const auto* as = shown_as(pod.changes[k].state);
            if (out[i] != '#') out[i] = as != nullptr ? as->mark : ' ';
        }
    }
    return out;
}

std::vector<std::string> picture(const TopState& state, const TopLook& look) {
    return Picture(state, look).draw();
}

std::string tables(const TopState& state, std::string_view service) {
    std::vector<std::vector<std::string>> services{
        {"SERVICE", "READY", "WANTED", "BUSY", "QUEUE", "OLDEST", "REASON"}};
    std::vector<std::vector<std::string>> pods{{"POD", "STATE", "FOR", "SESSIONS", "RESTARTS", "REQUEST"}};
    for (const auto& one : state.services) {
        if (!is_meant(service, one.name)) continue;
        services.push_back({ascii(one.name), std::to_string(one.ready), std::to_string(one.wanted),
                            std::to_string(one.running), std::to_string(one.waiting),
                            one.waiting > 0 ? short_time(one.oldest_wait()) : "-", ascii(one.reason)});
        for (const auto& pod : state.pods) {
            if (pod.service != one.name) continue;
            const auto request =
                pod.work.empty() || pod.work.front().id.empty() ? "-" : ascii(pod.work.front().id);
            pods.push_back({ascii(pod.name), ascii(pod.state),
                            short_time(pod.work.empty() ? age(pod, state.time) : pod.work.front().seconds),
                            std::to_string(pod.sessions), std::to_string(pod.restarts), request});
        }
    }
    return aligned(services) + "\n" + (pods.size() > 1 ? aligned(pods) : "no pods\n");
}

std::vector<Pressed> keys(std::string& octets) {
    std::vector<Pressed> out;
    std::size_t at = 0;
    while (at < octets.size()) {
        const char c = octets[at];
        if (c == '\x1b' && at + 1 < octets.size() && (octets[at + 1] == '[' || octets[at + 1] == 'O')) {
            auto end = at + 2;  // parameters, then the letter: ECMA-48 5.4
            while (end < octets.size() && (octets[end] < '@' || octets[end] > '~')) ++end;
            if (end == octets.size()) break;
            if (octets[end] == 'A' || octets[end] == 'D') out.push_back({Key::before});
            if (octets[end] == 'B' || octets[end] == 'C') out.push_back({Key::next});
            at = end + 1;
            continue;
        }
        if (c == 'q' || c == 'Q' || c == '\x03') out.push_back({Key::quit});
        if (c == '0' || c == '\x1b') out.push_back({Key::all});
        if (c == 'k' || c == 'h') out.push_back({Key::before});
        if (c == 'j' || c == 'l' || c == '\t') out.push_back({Key::next});
        if (c >= '1' && c <= '9') out.push_back({Key::number, c - '0'});
        ++at;
    }
    octets.erase(0, at);
    if (octets.size() > 32) octets.clear();  // no key
    return out;
}

std::string chosen(const TopState& state, const std::string& now, Pressed pressed) {
    const auto& all = state.services;
    if (all.empty() || pressed.key == Key::all) return {};
    const auto count = static_cast<int>(all.size());
    int at = -1;  // all of them
    for (int i = 0; i < count && !now.empty(); ++i)
        if (at < 0 && is_meant(now, all[static_cast<std::size_t>(i)].name)) at = i;
    if (pressed.key == Key::number && pressed.number > count) return now;
    if (pressed.key == Key::number) at = pressed.number - 1;
    if (pressed.key == Key::next) at = at + 1 < count ? at + 1 : -1;
    if (pressed.key == Key::before) at = at >= 0 ? at - 1 : count - 1;
    return at < 0 ? std::string() : all[static_cast<std::size_t>(at)].name;
}

}  // namespace cli
