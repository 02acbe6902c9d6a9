#include "cli/plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace cli {
namespace {

constexpr int left = 60, width = 900, panel = 150, gap = 45, top = 60;
constexpr const char* colours[] = {"#d95f02", "#1b6ca8", "#2c8c4c", "#7b4fa3", "#8a6d1d"};

using Series = std::vector<double>;  // the greatest in each pixel's time

struct Axis {
    double span = 1;

    std::size_t pixel(double at) const {
        return static_cast<std::size_t>(std::clamp(at / span, 0.0, 1.0) * (width - 1));
    }
};

template <class Value>
Series steps(const std::vector<Moment>& course, const Axis& axis, Value value) {
    Series series(width, 0);
    for (std::size_t i = 0; i < course.size(); ++i) {
        const auto from = axis.pixel(course[i].at);
        const auto to = i + 1 < course.size() ? axis.pixel(course[i + 1].at) : from;
        for (auto x = from; x <= to; ++x) series[x] = std::max(series[x], double(value(course[i])));
    }
    return series;
}

Series waits(const std::vector<TraceRequest>& trace, const Outcome& outcome, const Axis& axis) {
    Series series(width, 0);
    for (std::size_t i = 0; i < trace.size(); ++i) {
        auto& most = series[axis.pixel(trace[i].arrival)];
        most = std::max(most, outcome.waits[i]);
    }
    return series;
}

double round_up(double value) {
    if (value <= 0) return 1;
    const double unit = std::pow(10, std::floor(std::log10(value)));
    for (const double step : {1.0, 2.0, 5.0, 10.0})
        if (value <= step * unit) return step * unit;
    return 10 * unit;
}

std::string time_name(double seconds) {
    if (seconds >= 2 * 86'400) return fmt::format("{:g} d", std::round(seconds / 8640) / 10);
    if (seconds >= 2 * 3600) return fmt::format("{:g} h", std::round(seconds / 360) / 10);
    return fmt::format("{:g} min", std::round(seconds / 6) / 10);
}

std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) out += c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string(1, c);
    return out;
}

struct Line {
    Series series;
    const char* colour;
};

std::string draw_panel(int index, const char* title, const std::vector<Line>& lines, const Axis& axis) {
    const int y0 = top + index * (panel + gap), bottom = y0 + panel;
    double most = 0;
    for (const auto& line : lines) most = std::max(most, *std::ranges::max_element(line.series));
    most = round_up(most);
    auto out = fmt::format(R"(<text x="{}" y="{}" font-weight="bold">{}</text>)"
                           R"(<rect x="{}" y="{}" width="{}" height="{}" fill="none" stroke="#ccc"/>)"
                           "\n",
                           left, y0 - 8, title, left, y0, width, panel);
    for (const double part : {0.0, 0.5, 1.0})
        out += fmt::format(R"(<text x="{}" y="{:.0f}" text-anchor="end">{:g}</text>)", left - 6,
                           bottom - part * panel + 4, most * part);
    for (const double part : {0.0, 0.25, 0.5, 0.75, 1.0})
        out += fmt::format(R"(<text x="{:.0f}" y="{}" text-anchor="middle" fill="#666">{}</text>)",
                           left + part * width, bottom + 16, time_name(part * axis.span));
    out += "\n";
    for (const auto& line : lines) {
        out += fmt::format(R"(<polyline fill="none" stroke="{}" stroke-opacity="0.8" points=")", line.colour);
        double last = -1;
        for (std::size_t x = 0; x < line.series.size(); ++x) {
            const double value = line.series[x];
            if (value == last && x + 1 < line.series.size() && line.series[x + 1] == value) continue;
            if (last >= 0 && value != last)
                out += fmt::format("{},{:.1f} ", left + static_cast<int>(x), bottom - last / most * panel);
            out += fmt::format("{},{:.1f} ", left + static_cast<int>(x), bottom - value / most * panel);
            last = value;
        }
        out += "\"/>\n";
    }
    return out;
}

}  // namespace

std::string svg(const std::string& title, const std::vector<TraceRequest>& trace,
                const std::vector<PlottedRun>& runs) {
    Axis axis;
    for (const auto& run : runs) axis.span = std::max(axis.span, run.outcome->span);
    std::vector<Line> demand, pods, waiting;
    std::string legend;
    int x = left;
    for (std::size_t i = 0; i < runs.size(); ++i) {
        const char* colour = colours[i % std::size(colours)];
        const auto& outcome = *runs[i].outcome;
        demand.push_back(
            {steps(outcome.course, axis, [](const Moment& m) { return m.waiting + m.running; }), colour});
        pods.push_back(
            {steps(outcome.course, axis, [](const Moment& m) { return m.starting + m.ready; }), colour});
        waiting.push_back({waits(trace, outcome, axis), colour});
        legend += fmt::format(R"(<text x="{}" y="36" fill="{}">{}</text>)", x, colour, escaped(runs[i].name));
        x += 30 + 7 * static_cast<int>(runs[i].name.size());
    }
    const int height = top + 3 * (panel + gap);
    return fmt::format(
               R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" width="{0}" height="{1}" )"
               R"(font-family="sans-serif" font-size="12">)"
               "\n"
               R"(<rect width="{0}" height="{1}" fill="white"/>)"
               R"(<text x="{2}" y="18" font-size="14" font-weight="bold">{3}</text>{4})"
               "\n",
               left + width + 30, height, left, escaped(title), legend) +
           draw_panel(0, "requests, waiting and running", demand, axis) +
           draw_panel(1, "pods, starting and ready", pods, axis) +
           draw_panel(2, "wait for a slot, s", waiting, axis) + "</svg>\n";
}

}  // namespace cli
