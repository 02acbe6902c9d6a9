// What a keeper runs, and how it travels from the gateway to the keeper: through a file in memory, not
// through arguments, so that secrets in the environment are not for everyone's `ps`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pods {

struct Launch {
    std::string name;               // of the pod, shown by `ps` as the keeper's argument
    std::string program;            // a path for execve
    std::vector<std::string> argv;  // argv[0] included
    std::vector<std::string> env;   // "NAME=value"
    std::string working_dir;        // empty: the gateway's own
    std::string log_file;           // empty: output is dropped
    std::uint64_t log_bytes = 10 << 20;
    int log_files = 3;

    friend bool operator==(const Launch&, const Launch&) = default;
};

// Every string ends in NUL, lists begin with their length. Empty if a string holds a NUL, which no exec can
// pass on.
std::optional<std::string> encode(const Launch& launch);
std::optional<Launch> decode_launch(std::string_view text);  // empty: not made by encode()

}  // namespace pods
