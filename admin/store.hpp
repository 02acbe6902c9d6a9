// The objects as they are now, and the last so many changes: what lists and watches are answered from, as
// Kubernetes' watch cache. A change is the difference of two snapshots in what can be seen; versions are the
// snapshots'. Pure: no socket, no clock.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "admin/resources.hpp"

namespace admin {

struct Stored {
    Item item;
    std::uint64_t version = 0;  // of the snapshot that last changed it
};

enum class ChangeType { added, modified, deleted };

struct Change {
    ChangeType type;
    const Resource* resource;
    std::uint64_t version;
    std::shared_ptr<const Stored> object;  // deleted: as it was last
    std::shared_ptr<const Stored> before;  // modified: as it was
};

class Store {
public:
    static constexpr std::size_t changes_kept = 2048;

    void update(const Snapshot&);  // nothing happens at a version that is known
    std::uint64_t version() const { return version_; }

    using Objects = std::map<std::pair<std::string, std::string>, std::shared_ptr<const Stored>>;
    const Objects& objects(const Resource&) const;  // by namespace and name
    std::shared_ptr<const Stored> find(const Resource&, const std::string& name_space,
                                       const std::string& name) const;

    // Places in the endless row of changes.
    std::uint64_t end() const { return first_ + changes_.size(); }
    std::uint64_t begin() const { return first_; }
    const Change& at(std::uint64_t place) const { return changes_[static_cast<std::size_t>(place - first_)]; }

    // The first change after a version. Empty: so old that changes after it are forgotten, or from the
    // future, thus of another run of the gateway; who asks must list again.
    std::optional<std::uint64_t> after(std::uint64_t version) const;

private:
    void update(const Resource&, const Snapshot&);
    void log(ChangeType, const Resource&, std::shared_ptr<const Stored>,
             std::shared_ptr<const Stored> before = nullptr);

    std::map<const Resource*, Objects> objects_;
    std::deque<Change> changes_;
    std::uint64_t first_ = 0;      // place of changes_.front()
    std::uint64_t forgotten_ = 0;  // the version of the last change that is no longer kept
    std::uint64_t version_ = 0;
    bool filled_ = false;
};

}  // namespace admin
