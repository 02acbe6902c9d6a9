// The options of sd-simulator as a table: name, value, help, and how each is set. For options.cpp and
// help.cpp.
#pragma once

#include <span>
#include <stdexcept>
#include <string_view>

#include "simulator/options.hpp"

namespace simulator {

struct OptionError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct OptionRow {
    std::string_view name;   // without the dashes
    std::string_view value;  // what stands for its value in the help; empty: a switch
    std::string_view help;
    void (*set)(Options&, const std::string& value);  // throws OptionError
};

std::span<const OptionRow> option_table();

enum class WebuiFlag { unknown, plain, with_values };

// Whether the real WebUI has such a flag (modules/cmd_args.py), so that its manifest's args are accepted.
WebuiFlag webui_flag(std::string_view name);

}  // namespace simulator
