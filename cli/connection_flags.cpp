#include "cli/connection_flags.hpp"

#include <cstdlib>

namespace cli {

std::string server_of(const Words& words) {
    for (const auto* flag : {"--token-file", "--ca-file", "--client-certificate", "--client-key"})
        if (const auto value = words.value(flag))
            ::setenv(std::string(find_flag(words.command(), flag)->variable).c_str(), value->c_str(), 1);
    return words.value("--server", "http://127.0.0.1:9901");
}

}  // namespace cli
