// What was, without a database: for each service the last hour by the second and the last day by the minute,
// in rings of records of one size. Pure: snapshots and the time come in.
//
// Memory is bounded: 80 octets a record, 5040 of them, and 58 KiB for the percentiles make 452 KiB a service,
// for at most 64 services.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "proxy/control/snapshot.hpp"

namespace admin {

using proxy::Snapshot;
using proxy::WallTime;

// A second or a minute of a service. Counts are of that time alone; of pods and of those who wait, the most
// at once.
struct Sample {
    static constexpr std::array<double, 4> quantiles{.5, .9, .95, .99};

    std::uint32_t time = 0;                    // its end, in seconds since 1970
    std::array<std::uint32_t, 6> responses{};  // see answers_of()
    std::uint32_t generations = 0;             // that were answered
    std::array<float, 4>
        response_time{};  // of the last minute's generations; seconds; negative: there were none
    std::array<std::uint16_t, 6> gauges{};  // see Gauge
    float longest_wait = 0;                 // seconds
    std::array<float, 4> gpu_seconds{};     // by proxy::GpuState
};
static_assert(sizeof(Sample) == 80 && std::is_trivially_copyable_v<Sample>);
enum Gauge : std::size_t { wanted, ready, busy, starting, waiting, sessions };

// 2xx to 5xx, clients that left, waiting pages.
std::array<std::uint64_t, 6> answers_of(const proxy::ServiceMetrics&);

// The last so many, oldest first.
class Ring {
public:
    explicit Ring(std::size_t most) : most_(most) { samples_.reserve(most); }
    void push(const Sample&);
    std::size_t size() const { return samples_.size(); }
    const Sample& operator[](std::size_t i) const { return samples_[(first_ + i) % samples_.size()]; }
    const Sample& back() const { return (*this)[size() - 1]; }

private:
    std::size_t most_, first_ = 0;
    std::vector<Sample> samples_;
};

class Series {
public:
    static constexpr std::size_t seconds = 3600, minutes = 1440;
    static constexpr std::uint32_t window = 60;  // seconds

    // What counters have come to, all revisions of the service together, and what the gauges say.
    struct Reading {
        std::array<std::uint64_t, 6> responses{};
        std::array<double, 4> gpu_seconds{};
        std::array<std::uint32_t, proxy::FineHistogram::size> response_time{};
        Sample now;  // its gauges
    };
    void add(const Reading&, std::uint32_t time);

    const Ring& hour() const { return hour_; }
    const Ring& day() const { return day_; }
    void restore(const Sample&, bool minute);

private:
    using Counts = std::array<std::uint32_t, proxy::FineHistogram::size>;

    void add_to_minute(const Sample&);

    Ring hour_{seconds}, day_{minutes};
    Reading last_;                            // as of the second before
    std::vector<Counts> counts_{window + 1};  // of response times, as of each of the last seconds
    std::size_t next_count_ = 0;
    Sample minute_;  // under way
};

class History {
public:
    static constexpr std::size_t most_services = 64;
    static constexpr std::chrono::milliseconds shortest{
        900};  // between two samples; nearer calls are ignored

    bool take(const Snapshot&, WallTime now);  // at least once a second; true: there is a new sample
    const std::map<std::string, Series>& services() const { return services_; }  // by "namespace/name"
    const Series* find(std::string_view service) const;

    // For a file, and back: false, and nothing is changed, if it is not whole or of another version.
    std::string text() const;
    bool restore(std::string_view text, WallTime now);

private:
    struct Seen {  // of one revision, as of the last sample
        std::string service;
        Series::Reading reading;
    };

    std::map<std::string, Series> services_;
    std::map<std::string, Series::Reading> totals_;  // since we began, revisions that are gone included
    std::map<std::string, Seen> seen_;               // by revision
    WallTime taken_{};
    std::uint32_t last_time_ = 0;
};

// Where `quantile` of these values lies, in seconds; negative: there is none.
float percentile(const std::array<std::uint32_t, proxy::FineHistogram::size>& counts, double quantile);

}  // namespace admin
