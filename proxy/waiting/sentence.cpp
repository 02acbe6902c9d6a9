#include "proxy/waiting/sentence.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace proxy {
namespace {

// "31 of about 52 s", "31 s so far", "70 s, longer than the usual 52 s"
std::string elapsed_of_usual(const router::Overview& service) {
    if (!service.cold_elapsed) return {};
    const auto elapsed = whole_seconds(*service.cold_elapsed);
    if (!service.usual_cold_start) return fmt::format("{} s so far", elapsed.count());
    const auto usual = whole_seconds(*service.usual_cold_start);
    return elapsed <= usual ? fmt::format("{} of about {} s", elapsed.count(), usual.count())
                            : fmt::format("{} s, longer than the usual {} s", elapsed.count(), usual.count());
}

std::string in_brackets(std::string_view first, std::string_view second) {
    if (first.empty() && second.empty()) return {};
    return fmt::format(" ({}{}{})", first, first.empty() || second.empty() ? "" : ", ", second);
}

// "A pod is starting (31 of about 52 s)"
std::string starting(const router::Overview& service) {
    return (service.starting_pods == 1 ? "A pod is starting"
                                       : fmt::format("{} pods are starting", service.starting_pods)) +
           in_brackets(elapsed_of_usual(service), "");
}

std::string waiting(const router::Place& place) {
    const auto& service = place.service;
    if (service.ready_pods > 0) {
        const auto ahead =
            place.ahead == 0 ? std::string("you are next") : fmt::format("{} ahead", place.ahead);
        return "Waiting for a pod" +
               in_brackets(ahead, place.expected_wait ? "about " + roughly(*place.expected_wait) : "");
    }
    const auto ahead =
        place.ahead == 0 ? std::string("you are first") : fmt::format("{} ahead of you", place.ahead);
    if (failing(service)) return "The pods do not start at the moment; they are tried again, " + ahead;
    if (service.starting_pods > 0) return starting(service) + ", " + ahead;
    return "Waiting for a pod to start, " + ahead;
}

}  // namespace

std::chrono::seconds whole_seconds(pods::Duration duration) {
    return std::max(std::chrono::seconds{0}, std::chrono::ceil<std::chrono::seconds>(duration));
}

std::string roughly(pods::Duration duration) {
    const auto seconds = std::max<std::int64_t>(1, whole_seconds(duration).count());
    if (seconds <= 20) return fmt::format("{} s", seconds);
    if (seconds <= 115) return fmt::format("{} s", (seconds + 4) / 5 * 5);
    const auto minutes = (seconds + 30) / 60;
    if (minutes < 60) return fmt::format("{} min", minutes);
    return fmt::format("{} h {} min", minutes / 60, minutes % 60);
}

std::string sentence(const router::Place& place) {
    switch (place.state) {
        case router::Place::State::waiting:
            return waiting(place);
        case router::Place::State::running:
            return "A pod is working on it";
        case router::Place::State::finished:
            return "Finished";
    }
    return {};
}

std::string sentence(const router::Overview& service) {
    if (service.ready_pods > 0) return "Ready";
    if (failing(service)) return "The pods do not start at the moment; they are tried again";
    if (service.starting_pods > 0) return starting(service);
    return "No pod runs; one starts when it is needed";
}

std::string_view activity(const router::Overview& service) {
    if (service.ready_pods > 0) return "Ready";
    if (service.phase == to_string(pods::Phase::pending)) return "Waiting for a free GPU";
    if (service.phase == to_string(pods::Phase::container_creating)) return "Starting the container";
    if (service.phase == to_string(pods::Phase::running)) return "Loading models and web UI";
    return failing(service) ? "The last start failed; it is tried again" : "";
}

bool failing(const router::Overview& service) {
    return service.ready_pods == 0 && (service.phase == to_string(pods::Phase::error) ||
                                       service.phase == to_string(pods::Phase::crash_loop_back_off));
}

}  // namespace proxy
