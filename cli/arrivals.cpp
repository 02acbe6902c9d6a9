#include "cli/arrivals.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <charconv>
#include <chrono>
#include <cmath>
#include <set>

#include "cli/json_fields.hpp"

namespace cli {
namespace {

using Field = JsonField<BadTrace>;

constexpr double longest = 10LL * 366 * 86'400;  // ten years: times stay far from overflow
constexpr std::size_t most_requests = 50'000'000;

[[noreturn]] void fail(std::size_t line, const std::string& what) {
    throw BadTrace("line " + std::to_string(line) + " " + what);
}

std::vector<std::string_view> cells_of(std::string_view line) {
    std::vector<std::string_view> cells;
    for (;;) {
        const auto comma = line.find(',');
        auto cell = line.substr(0, comma);
        while (!cell.empty() && cell.front() == ' ') cell.remove_prefix(1);
        while (!cell.empty() && (cell.back() == ' ' || cell.back() == '\r')) cell.remove_suffix(1);
        cells.push_back(cell);
        if (comma == std::string_view::npos) return cells;
        line.remove_prefix(comma + 1);
    }
}

double number(std::string_view text, std::size_t line, const char* column) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value) || value < 0 ||
        value > longest)
        fail(line, std::string("has no number of seconds in ") + column + ": \"" +
                       std::string(text.substr(0, 40)) + "\"");
    return value;
}

template <class Each>
void each_line(std::string_view text, Each each) {
    for (std::size_t number = 1; !text.empty(); ++number) {
        const auto end = text.find('\n');
        const auto line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.find_first_not_of(" \t\r") != std::string_view::npos) each(number, line);
    }
}

std::vector<TraceRequest> read_csv(std::string_view text) {
    std::vector<TraceRequest> trace;
    std::size_t arrival = 0, service = 0, columns = 0;
    each_line(text, [&](std::size_t line, std::string_view written) {
        const auto cells = cells_of(written);
        if (columns == 0) {
            const auto column = [&](std::string_view name) {
                const auto found = std::ranges::find(cells, name);
                if (found == cells.end())
                    fail(line, "names no column " + std::string(name) +
                                   "; a trace is CSV with arrival_s,service_s or a JSON access log");
                return static_cast<std::size_t>(found - cells.begin());
            };
            arrival = column("arrival_s");
            service = column("service_s");
            columns = cells.size();
            return;
        }
        if (cells.size() != columns)
            fail(line, "has " + std::to_string(cells.size()) + " columns, the first line " +
                           std::to_string(columns));
        if (trace.size() == most_requests) fail(line, "is one too many");
        trace.push_back(
            {number(cells[arrival], line, "arrival_s"), number(cells[service], line, "service_s")});
    });
    return trace;
}

// "2026-11-25T13:18:44.123Z", as the access log writes it.
double unix_seconds(const std::string& text, std::size_t line) {
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, end = 0;
    double second = 0;
    if (std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%lfZ%n", &year, &month, &day, &hour, &minute, &second,
                    &end) != 6 ||
        static_cast<std::size_t>(end) != text.size())
        fail(line, "has a time that is none: \"" + text.substr(0, 40) + "\"");
    const std::chrono::year_month_day date{std::chrono::year{year},
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (!date.ok() || hour > 23 || minute > 59 || !(second >= 0 && second < 61))
        fail(line, "has a time that is none: \"" + text.substr(0, 40) + "\"");
    const auto days = std::chrono::sys_days{date}.time_since_epoch();
    return static_cast<double>(std::chrono::seconds{days}.count()) + hour * 3600 + minute * 60 + second;
}

std::vector<TraceRequest> read_access_log(std::string_view text, const std::string& service) {
    std::vector<TraceRequest> trace;
    std::set<std::string> services;
    each_line(text, [&](std::size_t line, std::string_view written) {
        try {
            const auto document =
                boost::json::parse(boost::json::string_view(written.data(), written.size()));
            const Field record(document, "");
            if (record.at("class").text() != "G") return;
            const double held = record.at("podTime").real();
            const auto name = record.at("service").text();
            if (!service.empty() && name != service) return;
            services.insert(name);
            if (held <= 0) return;  // it never came to a pod: its work is not known
            trace.push_back({unix_seconds(record.at("time").text(), line) - record.at("total").real(), held});
        } catch (const BadTrace& error) {
            const std::string what = error.what();
            throw BadTrace(what.starts_with("line ") ? what : "line " + std::to_string(line) + ": " + what);
        } catch (const boost::system::system_error&) {
            fail(line, "is no JSON");
        }
    });
    if (services.size() > 1) {
        std::string all;
        for (const auto& name : services) all += (all.empty() ? "" : ", ") + name;
        throw BadTrace("has requests of several services; choose one with --service: " + all);
    }
    return trace;
}

}  // namespace

std::vector<TraceRequest> read_trace(std::string_view text, const std::string& service) {
    const auto first = text.find_first_not_of(" \t\r\n");
    const bool json = first != std::string_view::npos && text[first] == '{';
    auto trace = json ? read_access_log(text, service) : read_csv(text);
    if (trace.empty()) throw BadTrace("has no request in it");
    std::ranges::stable_sort(trace, {}, &TraceRequest::arrival);
    const double begin = trace.front().arrival;
    for (auto& request : trace) request.arrival -= begin;
    if (trace.back().arrival > longest) throw BadTrace("spans more than ten years");
    return trace;
}

}  // namespace cli
