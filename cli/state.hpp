// What outlives a run: the state directory and the key of the affinity cookie.
#pragma once

#include <filesystem>

#include "manifest/configuration.hpp"
#include "pods/unique_fd.hpp"
#include "proxy/traffic/cookie.hpp"

namespace cli {

// spec.stateDir, else $XDG_STATE_HOME/pilotlight, else /var/lib/pilotlight for root and
// ~/.local/state/pilotlight for others. Made if it is not there. Throws a sentence for people.
std::filesystem::path state_directory(const manifest::Gateway&);

// Holds the state directory for this process as long as the descriptor is open. Throws a sentence when
// another gateway has it: two of them would mix their pods' logs.
pods::UniqueFd lock_state(const std::filesystem::path& state);

// Where bodies too long for memory go; made if it is not there.
std::filesystem::path spool_directory(const std::filesystem::path& state);

// From spec.cookieKeyFile, else from <state>/cookie.key, which is made at the first start (mode 0600).
proxy::CookieKey cookie_key(const manifest::Gateway&, const std::filesystem::path& state);

}  // namespace cli
