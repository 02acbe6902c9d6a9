#include "proxy/access/credentials.hpp"

#include "proxy/base64.hpp"

namespace proxy {
namespace {

constexpr std::size_t longest = 1024;

std::optional<Claim> authorization(std::string_view value) {
    const auto space = value.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    const auto scheme = value.substr(0, space);
    auto rest = value.substr(space + 1);
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    if (rest.empty() || rest.size() > longest) return std::nullopt;
    if (same_name(scheme, "Bearer")) return Claim{{}, std::string(rest)};
    if (!same_name(scheme, "Basic")) return std::nullopt;
    const auto pair = from_base64(rest);
    const auto colon = pair ? pair->find(':') : std::string::npos;
    if (colon == std::string::npos) return std::nullopt;
    return Claim{pair->substr(0, colon), pair->substr(colon + 1)};
}

}  // namespace

std::optional<std::string> from_base64(std::string_view text) {
    while (text.ends_with('=')) text.remove_suffix(1);
    return base64_decoded(text, base64_alphabet, false);
}

std::optional<Claim> claim_of(const RequestHead& head) {
    std::size_t said = 0;
    std::optional<Claim> found;
    for (const auto& field : head.fields()) {
        const bool key = same_name(field.name, "X-API-Key");
        if (!key && !same_name(field.name, "Authorization")) continue;
        ++said;
        if (!key)
            found = authorization(field.value);
        else if (!field.value.empty() && field.value.size() <= longest)
            found = Claim{{}, std::string(field.value)};
    }
    if (said != 1) return std::nullopt;  // of two the pod, or we, could believe the other
    if (found && found->secret.empty()) return std::nullopt;
    return found;
}

}  // namespace proxy
