// How commands are told where the gateway is, and who they are to it: flags that are the same for all of
// them.
#pragma once

#include <string>

#include "cli/words.hpp"

namespace cli {

// Puts --token-file, --ca-file, --client-certificate and --client-key into the environment, where
// admin/client.hpp looks for them. The gateway's admin address.
std::string server_of(const Words&);

}  // namespace cli
