// What `pilotlight top` shows: state in, text out. Nothing that comes from a gateway reaches the terminal but
// printable ASCII. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/top_model.hpp"

namespace cli {

// How it is looked at.
struct TopLook {
    std::size_t width = 80, height = 24;
    bool colour = false;
    std::string server{};
    std::string service{};  // only this one; empty: all
    std::string trouble{};  // why there is nothing new; empty: nothing
};

// Every octet that is not printable ASCII becomes '?'.
std::string ascii(std::string_view);

// The last two minutes and more of a pod, a character every two seconds: . starting, - idle, # busy,
// = draining, ! failed. A busy moment is seen, however short. The right end is `now`.
inline constexpr int bar_step_seconds = 2;
std::string state_bar(const TopPod&, GatewayTime now, std::size_t width);

// At most `height` lines of at most `width` columns; escapes are colours alone, and only if they are wished
// for.
std::vector<std::string> picture(const TopState&, const TopLook&);

// Plain tables of services and of pods, as wide as they are.
std::string tables(const TopState&, std::string_view service);

// What keys do. Takes them out of the octets that were read; half an escape sequence stays there.
enum class Key : unsigned char { quit, next, before, all, number };
struct Pressed {
    Key key;
    int number = 0;  // 1 to 9

    friend bool operator==(const Pressed&, const Pressed&) = default;
};
std::vector<Pressed> keys(std::string& octets);

// The service that is shown after a key: its name, empty for all.
std::string chosen(const TopState&, const std::string& now, Pressed);

}  // namespace cli
