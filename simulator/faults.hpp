// What can go wrong with a pod, and when it does. Pure: randomness is seeded, sockets are elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace simulator {

enum class FaultKind {
    crash,       // RST on every connection and exit 137, at a share of the service time
    hang,        // the request is never answered; a generation keeps its lock
    error,       // 500, OutOfMemoryError
    drip,        // the body comes a few bytes a second
    truncate,    // the connection ends before Content-Length does
    refuse,      // the port is closed for some seconds
    deaf,        // the connection is accepted and never read
    close,       // a reused connection is reset when a request comes on it
    half_close,  // the sending side is shut after the answer, the receiving side stays
    oom,         // exit 137 after so many images
    drop,        // a WebSocket is reset in the middle of its task, which goes on
    not_found,   // 404 as if /sdapi were not mounted
};

struct Fault {
    FaultKind kind = FaultKind::error;
    double probability = 1;    // of each opportunity
    std::uint64_t nth = 0;     // only every opportunity divisible by it; 0: all
    std::uint64_t times = 0;   // and so often altogether; 0: without end
    double at = 0.5;           // crash: share of the service time; truncate: share of the body that is sent
    double seconds = 5;        // refuse
    double rate = 1000;        // drip: bytes a second
    std::uint64_t images = 8;  // oom
    std::string path;          // prefix of the paths it is about; empty: generations only
};

std::string_view to_string(FaultKind kind);

// A fault from its name and settings, or one sentence saying what is wrong.
std::variant<Fault, std::string> make_fault(std::string_view name,
                                            const std::vector<std::pair<std::string, std::string>>& settings);

// "crash:nth=3,at=0.5", as on the command line.
std::variant<Fault, std::string> parse_fault(std::string_view text);

class Faults {
public:
    explicit Faults(std::uint64_t seed) : random_(seed) {}

    void set(Fault fault);  // in the place of one of the same kind and path
    void clear() { armed_.clear(); }
    void clear(FaultKind kind);
    bool has(FaultKind kind) const;

    // Counts one opportunity for such a fault and says whether it strikes.
    std::optional<Fault> strike(FaultKind kind, std::string_view path, bool generation);

    struct Armed {
        Fault fault;
        std::uint64_t seen = 0, struck = 0;
    };
    const std::vector<Armed>& armed() const { return armed_; }

private:
    std::vector<Armed> armed_;
    std::mt19937_64 random_;
};

}  // namespace simulator
