// A look into a JSON body: the same whatever the pieces.
#include "proxy/traffic/json_peek.hpp"
#include "fuzz.hpp"

using namespace proxy;

namespace {

JsonPeek read(std::string_view octets, std::size_t step) {
    JsonPeek peek;
    bool more = true;
    for (std::size_t at = 0; at < octets.size() && more; at += step)
        more = peek.feed(octets.substr(at, step));
    return peek;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto octets = octets_of(data, size);
    const auto step = 2 + choice(octets) % 32;
    const auto whole = read(octets, octets.size() + 1);
    for (const auto pieces : {std::size_t{1}, std::size_t{step}}) {
        const auto other = read(octets, pieces);
        EXPECT(other.ended() == whole.ended());
        if (!whole.ended()) continue;
        EXPECT(other.data_is_empty() == whole.data_is_empty());
        for (const auto name : JsonPeek::names) EXPECT(other.find(name) == whole.find(name));
    }
    whole.for_each([](std::string_view, std::string_view value) { EXPECT(value.size() <= JsonPeek::kept); });
    return 0;
}
