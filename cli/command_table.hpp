// The rows of the table of commands, told apart by what they need.
#pragma once

#include <vector>

#include "cli/commands.hpp"

namespace cli::table {

std::vector<Command> of_manifests();  // that read files
std::vector<Command> of_a_gateway();  // that ask one that runs
std::vector<Command> of_figures();    // that compute

}  // namespace cli::table
