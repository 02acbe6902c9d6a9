// Keys and their hashes, with OpenSSL.
#pragma once

#include <string>
#include <string_view>

#include "manifest/key_hash.hpp"

namespace proxy {

std::string sha256(std::string_view octets);
bool same_octets(std::string_view, std::string_view);  // in a time that says only how long they are
std::string to_hex(std::string_view octets);

// Whether it is that key. scrypt takes some 16 MiB and tens of milliseconds: not on a worker's thread.
bool fits(const manifest::KeyHash&, std::string_view secret);

std::string new_key();                           // "plk_" and 256 random bits
std::string hash_of_key(std::string_view key);   // "sha256:..."
std::string hash_of_password(std::string_view);  // "scrypt:..." with a salt of its own

}  // namespace proxy
