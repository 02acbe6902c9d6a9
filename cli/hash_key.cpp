#include "cli/hash_key.hpp"

#include <iostream>

#include "proxy/access/hash.hpp"

namespace cli {
namespace {

constexpr std::string_view help =
    R"(Makes keys for spec.access of a Gateway: docs/access.md. The key is for its user, the hash for the manifest.

Usage: pilotlight hash-key             makes a key and prints it with its hash
       pilotlight hash-key --password  hashes the password on the first line of standard input (Basic)
       pilotlight hash-key --key       hashes the key on the first line of standard input

Nothing is taken from the command line: others see it in the list of processes.

  pilotlight hash-key
  pilotlight hash-key --password < password.txt
)";

}  // namespace

int hash_key(std::span<const std::string> args, std::istream& in, std::ostream& out, std::ostream& err) {
    const std::string word = args.empty() ? "" : args.front();
    if (word == "--help" || word == "-h") return out << help, 0;
    const bool password = word == "--password", given = word == "--key";
    if (args.size() > 1 || (!args.empty() && !password && !given)) return err << help, 2;
    if (args.empty()) {
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

}  // namespace cli
