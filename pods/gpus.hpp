// The GPUs of this machine, dealt out whole: one is with one pod at a time.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace pods {

class Gpus {
public:
    // Values for CUDA_VISIBLE_DEVICES. None: GPUs are not dealt out, and every pod sees them all.
    explicit Gpus(std::vector<std::string> all) : free_(std::move(all)), dealt_(!free_.empty()) {}

    bool are_dealt() const { return dealt_; }
    int free() const { return static_cast<int>(free_.size()); }

    // How many a container gets that asks for `asked`: at least one, if they are dealt out at all.
    int needed(int asked) const { return dealt_ ? std::max(asked, 1) : 0; }

    // `count` of them, longest unused first; empty: there are not so many left.
    std::optional<std::vector<std::string>> take(int count) {
        if (count > free()) return std::nullopt;
        std::vector<std::string> taken(free_.begin(), free_.begin() + count);
        free_.erase(free_.begin(), free_.begin() + count);
        return taken;
    }
    // These, if they are free; of others nothing is known.
    std::vector<std::string> take(const std::vector<std::string>& wanted) {
        std::vector<std::string> taken;
        for (const auto& gpu : wanted)
            if (const auto found = std::find(free_.begin(), free_.end(), gpu); found != free_.end()) {
                taken.push_back(gpu);
                free_.erase(found);
            }
        return taken;
    }
    void give_back(const std::vector<std::string>& gpus) {
        free_.insert(free_.end(), gpus.begin(), gpus.end());
    }

private:
    std::vector<std::string> free_;
    bool dealt_;
};

}  // namespace pods
