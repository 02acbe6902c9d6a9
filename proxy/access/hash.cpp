#include "proxy/access/hash.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>
#include <stdexcept>

namespace proxy {
namespace {

constexpr int log2n = 14, r = 8, p = 1;  // OWASP's smallest but one; 16 MiB
constexpr std::uint64_t most_memory = 512ull << 20;

const unsigned char* octets_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

std::string random_octets(std::size_t count) {
    std::string octets(count, '\0');
    if (RAND_bytes(reinterpret_cast<unsigned char*>(octets.data()), static_cast<int>(count)) != 1)
        throw std::runtime_error("the system has no random numbers");
    return octets;
}

std::string scrypt(std::string_view password, const manifest::KeyHash& by) {
    std::string out(32, '\0');
    const int done =
        EVP_PBE_scrypt(password.data(), password.size(), octets_of(by.salt), by.salt.size(), by.n, by.r, by.p,
                       most_memory, reinterpret_cast<unsigned char*>(out.data()), out.size());
    return done == 1 ? out : std::string{};
}

}  // namespace

std::string sha256(std::string_view octets) {
    std::string out(32, '\0');
    unsigned size = 0;
    EVP_Digest(octets.data(), octets.size(), reinterpret_cast<unsigned char*>(out.data()), &size,
               EVP_sha256(), nullptr);
    return out;
}

bool same_octets(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string to_hex(std::string_view octets) {
    std::string out;
    for (const char c : octets) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
    return out;
}

bool fits(const manifest::KeyHash& hash, std::string_view secret) {
    return same_octets(hash.scrypt ? scrypt(secret, hash) : sha256(secret), hash.digest);
}

std::string new_key() {
    return "plk_" + to_hex(random_octets(32));
}

std::string hash_of_key(std::string_view key) {
    return "sha256:" + to_hex(sha256(key));
}

std::string hash_of_password(std::string_view password) {
    const manifest::KeyHash by{true, std::uint64_t{1} << log2n, r, p, random_octets(16), {}};
    return fmt::format("scrypt:{}:{}:{}:{}:{}", log2n, r, p, to_hex(by.salt), to_hex(scrypt(password, by)));
}

}  // namespace proxy
