#include "admin/history.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

namespace admin {
namespace {

using Reading = Series::Reading;

std::uint16_t short_count(std::size_t value) {
    return static_cast<std::uint16_t>(
        std::min<std::size_t>(value, std::numeric_limits<std::uint16_t>::max()));
}

std::uint32_t in_seconds(WallTime at) {
    return static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count());
}

Reading read(const proxy::ServiceMetrics& metrics, const proxy::RevisionView& view) {
    Reading out;
    out.responses = answers_of(metrics);
    out.gpu_seconds = view.gpu_seconds;
    for (std::size_t i = 0; i < out.response_time.size(); ++i)
        out.response_time[i] = metrics.generation_fine.count(i);
    return out;
}

// What came since `before` is added; counts never fall.
void add_difference(Reading& total, const Reading& now, const Reading& before) {
    for (std::size_t i = 0; i < total.responses.size(); ++i)
        total.responses[i] += now.responses[i] - before.responses[i];
    for (std::size_t i = 0; i < total.gpu_seconds.size(); ++i)
        total.gpu_seconds[i] += now.gpu_seconds[i] - before.gpu_seconds[i];
    for (std::size_t i = 0; i < total.response_time.size(); ++i)
        total.response_time[i] += now.response_time[i] - before.response_time[i];
}

void add_gauges(Sample& sample, const proxy::RevisionView& view, const Snapshot& snapshot) {
    const auto add = [&](Gauge gauge, std::size_t value) {
        sample.gauges[gauge] = short_count(sample.gauges[gauge] + value);
    };
    add(wanted, static_cast<std::size_t>(std::max(0, view.wanted)));
    add(ready, static_cast<std::size_t>(view.ready));
    add(starting, static_cast<std::size_t>(view.starting));
    add(waiting, view.waiting);
    for (const auto& pod : snapshot.pods) {
        if (pod.name_space != view.name_space || pod.revision != view.revision) continue;
        add(busy, pod.leases > 0 ? 1 : 0);
        add(sessions, static_cast<std::size_t>(pod.sessions));
    }
    if (view.queue.empty()) return;
    const auto& first = view.queue.front();
    sample.longest_wait = std::max(sample.longest_wait, static_cast<float>(first.queue + first.cold));
}

}  // namespace

std::array<std::uint64_t, 6> answers_of(const proxy::ServiceMetrics& metrics) {
    const auto of_class = [&](std::size_t i) { return metrics.responses[i].load(std::memory_order_relaxed); };
    return {of_class(2), of_class(3), of_class(4),
            of_class(5), of_class(0), metrics.waiting_pages.load(std::memory_order_relaxed)};
}

// --- rings

void Ring::push(const Sample& sample) {
    if (samples_.size() < most_) {
        samples_.push_back(sample);
        return;
    }
    samples_[first_] = sample;
    first_ = (first_ + 1) % most_;
}

float percentile(const std::array<std::uint32_t, proxy::FineHistogram::size>& counts, double quantile) {
    const auto all = std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
    if (all == 0) return -1;
    // The nearest rank: the smallest value that so many are not above.
    const auto rank = std::max<std::uint64_t>(
        1, static_cast<std::uint64_t>(std::ceil(quantile * static_cast<double>(all))));
    std::uint64_t passed = 0;
    for (std::size_t i = 0; i < counts.size(); ++i)
        if ((passed += counts[i]) >= rank) return static_cast<float>(proxy::FineHistogram::middle(i));
    return -1;
}

// --- one service

void Series::add(const Reading& reading, std::uint32_t time) {
    Sample sample = reading.now;
    sample.time = time;
    for (std::size_t i = 0; i < sample.responses.size(); ++i)
        sample.responses[i] = static_cast<std::uint32_t>(reading.responses[i] - last_.responses[i]);
    for (std::size_t i = 0; i < sample.gpu_seconds.size(); ++i)
        sample.gpu_seconds[i] = static_cast<float>(reading.gpu_seconds[i] - last_.gpu_seconds[i]);
    for (std::size_t i = 0; i < reading.response_time.size(); ++i)
        sample.generations += reading.response_time[i] - last_.response_time[i];

    counts_[next_count_] = reading.response_time;
    next_count_ = (next_count_ + 1) % counts_.size();
    Counts recent = reading.response_time;
    for (std::size_t i = 0; i < recent.size(); ++i) recent[i] -= counts_[next_count_][i];  // a minute ago
    for (std::size_t i = 0; i < sample.response_time.size(); ++i)
        sample.response_time[i] = percentile(recent, Sample::quantiles[i]);

    last_ = reading;
    hour_.push(sample);
    add_to_minute(sample);
}

void Series::add_to_minute(const Sample& sample) {
    auto& m = minute_;
    if (m.time != 0 && m.time / window != sample.time / window) {
        m.time -= m.time % window;
        day_.push(m);
        m = {};
    }
    m.time = sample.time;
    m.generations += sample.generations;
    m.response_time = sample.response_time;
    m.longest_wait = std::max(m.longest_wait, sample.longest_wait);
    for (std::size_t i = 0; i < m.responses.size(); ++i) m.responses[i] += sample.responses[i];
    for (std::size_t i = 0; i < m.gpu_seconds.size(); ++i) m.gpu_seconds[i] += sample.gpu_seconds[i];
    for (std::size_t i = 0; i < m.gauges.size(); ++i) m.gauges[i] = std::max(m.gauges[i], sample.gauges[i]);
}

void Series::restore(const Sample& sample, bool minute) {
    (minute ? day_ : hour_).push(sample);
}

// --- all

bool History::take(const Snapshot& snapshot, WallTime now) {
    if (now - taken_ < shortest && now >= taken_) return false;
    taken_ = now;
    // Looks come a second apart, and a little early or late: each second is told once.
    auto time = in_seconds(now);
    if (last_time_ != 0 && (time == last_time_ || time == last_time_ + 2)) time = last_time_ + 1;
    last_time_ = time;

    std::map<std::string, Seen> seen;
    std::map<std::string, Sample> gauges;
    for (const auto& view : snapshot.revisions) {
        const auto service = view.name_space + "/" + view.service;
        if (!services_.contains(service) && services_.size() >= most_services) continue;
        services_.try_emplace(service);
        add_gauges(gauges[service], view, snapshot);
        if (!view.metrics) continue;
        const auto revision = view.name_space + "/" + view.revision;
        auto& one = seen[revision];
        one.service = service;
        one.reading = read(*view.metrics, view);
        const auto before = seen_.find(revision);
        add_difference(totals_[service], one.reading,
                       before == seen_.end() ? Reading{} : before->second.reading);
    }
    seen_ = std::move(seen);
    for (auto& [service, sample] : gauges) {
        auto& total = totals_[service];
        total.now = sample;
        services_.at(service).add(total, time);
    }
    constexpr std::uint32_t day = 24 * 3600;
    std::erase_if(services_, [&](const auto& one) {
        const bool gone = !gauges.contains(one.first) &&
                          (one.second.hour().size() == 0 || one.second.hour().back().time + day < time);
        if (gone) totals_.erase(one.first);
        return gone;
    });
    return true;
}

const Series* History::find(std::string_view service) const {
    const auto found = services_.find(std::string(service));
    return found == services_.end() ? nullptr : &found->second;
}

// --- a file of it
//
// "pilotlight-history 2 80\n", then for each service "NAME SECONDS MINUTES\n" and so many samples as they are
// in memory: it is read on the machine that wrote it. "end\n" at the end.

namespace {

constexpr std::string_view file_head = "pilotlight-history 2 80\n", file_end = "end\n";

void append(std::string& out, const Ring& ring) {
    for (std::size_t i = 0; i < ring.size(); ++i) {
        const auto& sample = ring[i];
        out.append(reinterpret_cast<const char*>(&sample), sizeof sample);
    }
}

std::string_view take_until(std::string_view& text, char end) {
    const auto at = text.find(end);
    const auto out = text.substr(0, at);
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
    return out;
}

std::size_t number(std::string_view text) {
    std::size_t out = 0;
    for (const char c : text) {
        if (c < '0' || c > '9' || out > 1'000'000) return SIZE_MAX;
        out = out * 10 + static_cast<std::size_t>(c - '0');
    }
    return text.empty() ? SIZE_MAX : out;
}

bool sane(const Sample& sample) {
    return std::ranges::all_of(sample.response_time, [](float f) { return std::isfinite(f); }) &&
           std::ranges::all_of(sample.gpu_seconds, [](float f) { return std::isfinite(f); }) &&
           std::isfinite(sample.longest_wait);
}

}  // namespace

std::string History::text() const {
    std::string out(file_head);
    for (const auto& [service, series] : services_) {
        out += service + " " + std::to_string(series.hour().size()) + " " +
               std::to_string(series.day().size()) + "\n";
        append(out, series.hour());
        append(out, series.day());
    }
    return out += file_end;
}

bool History::restore(std::string_view text, WallTime now) {
    if (!text.starts_with(file_head) || !text.ends_with(file_end)) return false;
    text.remove_prefix(file_head.size());
    text.remove_suffix(file_end.size());
    std::map<std::string, Series> services;
    std::uint32_t newest = 0;
    while (!text.empty()) {
        const std::string service(take_until(text, ' '));
        const auto seconds = number(take_until(text, ' ')), minutes = number(take_until(text, '\n'));
        if (service.empty() || seconds > Series::seconds || minutes > Series::minutes ||
            services.size() >= most_services || text.size() < (seconds + minutes) * sizeof(Sample))
            return false;
        auto& series = services[service];
        for (std::size_t i = 0; i < seconds + minutes; ++i) {
            Sample sample;
            std::memcpy(&sample, text.data(), sizeof sample);
            text.remove_prefix(sizeof sample);
            if (!sane(sample)) return false;
            if (sample.time > in_seconds(now)) continue;  // the clock was set back
            newest = std::max(newest, sample.time);
            series.restore(sample, i >= seconds);
        }
    }
    services_ = std::move(services);
    last_time_ = newest;
    return true;
}

}  // namespace admin
