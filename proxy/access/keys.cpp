#include "proxy/access/keys.hpp"

#include "proxy/access/hash.hpp"

namespace proxy {

AccessKeys::AccessKeys(const manifest::AccessList& settings) : settings_(settings) {
    for (const auto& key : settings.keys) {
        auto& made = keys_.emplace_back();
        made.settings = key;
        made.hash = manifest::parse_key_hash(key.hash).value_or(manifest::KeyHash{});
        // The same after a reload, so that who waits keeps his turn; 0 is nobody's.
        made.id = router::Key(std::hash<std::string>{}(settings.name + "/" + key.name) | 1);
    }
}

const AccessKeyState* AccessKeys::find(const Claim& said) const {
    const auto digest = sha256(said.secret);
    const AccessKeyState* found = nullptr;
    for (const auto& key : keys_) {
        const bool fits = !key.hash.scrypt && same_octets(key.hash.digest, digest);
        if (fits && (said.user.empty() || said.user == key.settings.name)) found = &key;
    }
    return found;
}

const AccessKeyState* AccessKeys::with_password(std::string_view user) const {
    for (const auto& key : keys_)
        if (key.hash.scrypt && !user.empty() && key.settings.name == user) return &key;
    return nullptr;
}

}  // namespace proxy
