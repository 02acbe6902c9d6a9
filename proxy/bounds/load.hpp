// How much of what the gateway may take is taken, as levels. What each level means stands in
// docs/hostility.md. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "pods/pod.hpp"

namespace proxy {

enum class Load : unsigned char {
    normal,
    no_keep_alive,  // connections end with their answers; idle ones are closed
    refuse_new,     // and every new request is answered 503
    shed_queue,     // and those who wait are turned away, newest first
};

std::string_view name_of(Load);

struct LoadSeen {
    std::uint64_t memory = 0, memory_limit = 0;  // limit 0: none
    std::size_t connections = 0, connection_limit = 0;

    // The greatest share that is taken; connections never ask for more than the first level, since those
    // beyond the limit wait in the kernel's backlog.
    double memory_share() const;
    double connection_share() const;
};

// Up at once, down one level at a time, when the share has been clearly lower for a while: a level that
// turns work away makes the room by which it would be left at once.
class LoadLevel {
public:
    static constexpr std::array<double, 4> enter{0, .75, .85, .93};  // of the memory
    static constexpr double many_connections = .9;
    static constexpr double calmer = .08;  // so much lower than where a level begins
    static constexpr std::chrono::seconds calm{1};

    Load update(const LoadSeen&, pods::TimePoint now);
    Load level() const { return level_; }

private:
    Load level_ = Load::normal;
    pods::TimePoint calm_since_ = pods::TimePoint::max();  // max: it is not
};

// "memory 70 MiB of 64 MiB, 12 connections of 100"
std::string in_words(const LoadSeen&);

// Of so many who wait, how many are turned away at once: a quarter, so that a short peak costs few.
std::size_t to_shed(std::size_t waiting);

}  // namespace proxy
