// Where a command's program is.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pods {

// A name with a '/' is itself. Any other is searched beside our own executable first, so that what is
// installed with pilotlight is found whatever PATH says, and then in the PATH of `env` ("NAME=value"). Empty:
// nowhere.
std::optional<std::string> find_program(const std::string& name, const std::vector<std::string>& env);

// As find_program, in these folders only.
std::optional<std::string> find_program_in(const std::string& name, const std::vector<std::string>& folders);

// The folder of our own executable.
std::string own_folder();

}  // namespace pods
