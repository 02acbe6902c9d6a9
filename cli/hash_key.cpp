#include "cli/hash_key.hpp"

#include <iostream>

#include "cli/words.hpp"
#include "proxy/access/hash.hpp"

namespace cli {
namespace {

int run(const Words& words, std::istream& in, std::ostream& out, std::ostream& err) {
    const bool password = words.has("--password"), given = words.has("--key");
    if (!words.free().empty() || (password && given))
        throw Usage("it takes --password, --key or nothing; the secret itself comes on standard input");
    if (!password && !given) {
        const auto key = proxy::new_key();
        out << "key:  " << key << "\nhash: " << proxy::hash_of_key(key) << "\n";
        return 0;
    }
    std::string secret;
    std::getline(in, secret);
    if (secret.ends_with('\r')) secret.pop_back();
    constexpr std::size_t guessable = 32;
    if (secret.empty()) return err << "pilotlight hash-key: standard input has no first line\n", 1;
    if (given && secret.size() < guessable)
        return err << "pilotlight hash-key: a key of fewer than 32 characters could be guessed; hash it as a "
                      "--password, or let hash-key make one\n",
               1;
    out << (password ? proxy::hash_of_password(secret) : proxy::hash_of_key(secret)) << "\n";
    return 0;
}

}  // namespace

int hash_key(std::span<const std::string> args, std::istream& in, std::ostream& out, std::ostream& err) {
    return within("hash-key", args, out, err, [&](const Words& words) { return run(words, in, out, err); });
}

}  // namespace cli
