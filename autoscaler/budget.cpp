#include "autoscaler/budget.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace autoscaler {
namespace {

struct Share {
    std::int64_t pods;       // granted so far
    std::int64_t grown = 0;  // those of them that are not alive yet
};

bool fits(const Want& want, const Share& share, std::int64_t free) {
    return share.pods < want.wanted && want.gpus <= free;
}

// a before b: more waiting requests for each pod, the one to come included.
bool hungrier(const Want& a, const Share& as, const Want& b, const Share& bs) {
    const std::int64_t left = a.waiting * (bs.grown + 1), right = b.waiting * (as.grown + 1);
    return left != right ? left > right : as.pods < bs.pods;
}

std::vector<int> all(const std::vector<Want>& wants) {
    std::vector<int> result;
    for (const Want& want : wants) result.push_back(want.wanted);
    return result;
}

}  // namespace

std::vector<int> fit(const std::vector<Want>& wants, int gpus) {
    if (gpus == unlimited_gpus) return all(wants);
    std::int64_t free = gpus;
    std::vector<Share> shares;
    for (const Want& want : wants) {
        shares.push_back({want.gpus > 0 ? std::min(want.wanted, want.alive) : want.wanted});
        free -= std::int64_t{want.alive} * want.gpus;
    }
    for (;;) {  // ends: each turn uses up a GPU
        std::size_t next = wants.size();
        for (std::size_t i = 0; i < wants.size(); ++i) {
            if (!fits(wants[i], shares[i], std::max<std::int64_t>(free, 0))) continue;
            if (next == wants.size() || hungrier(wants[i], shares[i], wants[next], shares[next])) next = i;
        }
        if (next == wants.size()) break;
        ++shares[next].pods;
        ++shares[next].grown;
        free -= wants[next].gpus;
    }
    std::vector<int> result;
    for (const Share& share : shares) result.push_back(static_cast<int>(share.pods));
    return result;
}

}  // namespace autoscaler
