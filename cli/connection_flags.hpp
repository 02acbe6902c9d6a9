// How commands are told who they are to the gateway: flags that are the same for all of them.
#pragma once

#include <string>
#include <vector>

namespace cli {

// Takes --token-file, --ca-file, --client-certificate and --client-key out of the words, wherever they stand,
// and puts them into the environment, where admin/client.hpp looks for them. A flag without its value stays.
std::vector<std::string> take_connection_flags(std::vector<std::string> words);

}  // namespace cli
