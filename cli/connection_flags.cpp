#include "cli/connection_flags.hpp"

#include <array>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace cli {
namespace {

constexpr std::array<std::pair<std::string_view, const char*>, 4> flags{
    {{"--token-file", "PILOTLIGHT_TOKEN_FILE"},
     {"--ca-file", "PILOTLIGHT_CA_FILE"},
     {"--client-certificate", "PILOTLIGHT_CLIENT_CERTIFICATE"},
     {"--client-key", "PILOTLIGHT_CLIENT_KEY"}}};

}  // namespace

std::vector<std::string> take_connection_flags(std::vector<std::string> words) {
    std::vector<std::string> left;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const auto equals = words[i].find('=');
        const auto name = std::string_view(words[i]).substr(0, equals);
        const char* variable = nullptr;
        for (const auto& [flag, its] : flags)
            if (name == flag) variable = its;
        const bool apart = equals == std::string::npos;
        if (variable == nullptr || (apart && i + 1 == words.size()))
            left.push_back(words[i]);
        else
            ::setenv(variable, apart ? words[++i].c_str() : words[i].c_str() + equals + 1, 1);
    }
    return left;
}

}  // namespace cli
