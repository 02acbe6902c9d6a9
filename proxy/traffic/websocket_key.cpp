#include "proxy/traffic/websocket_key.hpp"

#include <openssl/evp.h>

#include <array>
#include <cstring>

#include "proxy/traffic/text.hpp"
#include "router/ids.hpp"

namespace proxy {

std::string new_websocket_key() {
    std::array<unsigned char, 16> octets;
    for (std::size_t at = 0; at < octets.size(); at += 8) {
        const auto random = random64();
        std::memcpy(octets.data() + at, &random, 8);
    }
    std::array<unsigned char, 25> text;  // with the NUL that EVP_EncodeBlock writes
    const auto length = EVP_EncodeBlock(text.data(), octets.data(), static_cast<int>(octets.size()));
    return {reinterpret_cast<const char*>(text.data()), static_cast<std::size_t>(length)};
}

}  // namespace proxy
