// Messages of Gradio's socket: the same whatever the pieces.
#include "fuzz.hpp"
#include "proxy/traffic/gradio_messages.hpp"

using namespace proxy;

namespace {

GradioReader read(std::string_view octets, std::size_t step, bool& good) {
    GradioReader reader;
    good = true;
    for (std::size_t at = 0; at < octets.size() && good; at += step)
        good = reader.feed(octets.substr(at, step));
    good = reader.finish() && good;
    return reader;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto octets = octets_of(data, size);
    const auto step = 2 + choice(octets) % 32;
    bool good = false;
    const auto whole = read(octets, octets.size() + 1, good);
    for (const auto pieces : {std::size_t{1}, std::size_t{step}}) {
        bool other_good = false;
        const auto other = read(octets, pieces, other_good);
        EXPECT(good == other_good);
        if (!good) continue;
        EXPECT(other.kind() == whole.kind() && other.session_hash() == whole.session_hash());
        EXPECT(other.first_data() == whole.first_data() && other.data_size() == whole.data_size());
    }
    if (good) EXPECT(whole.first_data().size() <= 128);
    EXPECT(close_reason_text(octets).size() <= 123);
    (void)is_gradio_gpu_task(whole.first_data(), whole.data_size());
    return 0;
}
