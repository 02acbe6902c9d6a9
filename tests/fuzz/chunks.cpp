// Chunked framing: the same whatever the pieces, and what was read, written anew, is the same content.
#include "fuzz.hpp"
#include "proxy/traffic/body.hpp"
#include "proxy/traffic/forward.hpp"

using namespace proxy;

namespace {

struct Read {
    std::string content;
    std::size_t taken = 0;
    BodyDecoder::State state = BodyDecoder::State::more;
    std::uint64_t announced = 0;
};

Read read(std::string_view octets, std::size_t step) {
    BodyDecoder decoder(Framing::chunked, 0);
    Read out;
    while (out.taken < octets.size() && decoder.state() == BodyDecoder::State::more) {
        const auto piece = octets.substr(out.taken, step);
        const auto taken = decoder.feed(piece, [&](std::string_view content) { out.content += content; });
        EXPECT(taken <= piece.size() &&
               (taken == piece.size() || decoder.state() != BodyDecoder::State::more));
        out.taken += taken;
    }
    out.state = decoder.state();
    out.announced = decoder.announced();
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto octets = octets_of(data, size);
    const auto step = 2 + choice(octets) % 32;
    const auto whole = read(octets, octets.size() + 1);
    for (const auto pieces : {std::size_t{1}, std::size_t{step}}) {
        const auto other = read(octets, pieces);
        EXPECT(other.content == whole.content && other.taken == whole.taken && other.state == whole.state);
        if (whole.state == BodyDecoder::State::more) EXPECT(other.announced == whole.announced);
    }
    EXPECT(whole.content.size() <= octets.size());
    if (whole.state != BodyDecoder::State::done) return 0;
    EXPECT(octets.substr(0, whole.taken).ends_with("\r\n"));
    std::string anew;
    if (!whole.content.empty()) anew = chunk_start(whole.content.size()) + whole.content + "\r\n";
    anew += "0\r\n\r\n";
    const auto again = read(anew, anew.size());
    EXPECT(again.state == BodyDecoder::State::done && again.taken == anew.size() &&
           again.content == whole.content);
    return 0;
}
