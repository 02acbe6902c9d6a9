#include "admin/store.hpp"

#include <algorithm>

namespace admin {
namespace {

const Store::Objects no_objects;

}  // namespace

const Store::Objects& Store::objects(const Resource& resource) const {
    const auto found = objects_.find(&resource);
    return found == objects_.end() ? no_objects : found->second;
}

std::shared_ptr<const Stored> Store::find(const Resource& resource, const std::string& name_space,
                                          const std::string& name) const {
    const auto& all = objects(resource);
    const auto found = all.find({name_space, name});
    return found == all.end() ? nullptr : found->second;
}

void Store::update(const Snapshot& snapshot) {
    if (filled_ && snapshot.version == version_) return;
    version_ = snapshot.version;
    for (const auto& resource : resources()) update(resource, snapshot);
    if (!filled_) {  // what was there at the beginning is no change
        first_ += changes_.size();
        changes_.clear();
        forgotten_ = version_;
        filled_ = true;
    }
}

void Store::update(const Resource& resource, const Snapshot& snapshot) {
    auto& objects = objects_[&resource];
    Objects next;
    for (auto& key : resource.keys(snapshot)) {
        const std::pair id(std::move(key.name_space), std::move(key.name));
        const auto known = objects.find(id);
        if (known != objects.end() && resource.immutable) {
            next.emplace(id, known->second);
            continue;
        }
        auto object = std::make_shared<Stored>();
        object->item = resource.make(snapshot, key.index);
        object->version = version_;
        if (known == objects.end()) {
            log(ChangeType::added, resource, object);
        } else if (known->second->item.object == object->item.object) {
            object->version = known->second->version;  // at most cells differ that a watch does not tell
        } else {
            log(ChangeType::modified, resource, object, known->second);
        }
        next.emplace(id, std::move(object));
    }
    for (const auto& [id, object] : objects)
        if (!next.contains(id)) log(ChangeType::deleted, resource, object);
    objects = std::move(next);
}

void Store::log(ChangeType type, const Resource& resource, std::shared_ptr<const Stored> object,
                std::shared_ptr<const Stored> before) {
    changes_.push_back({type, &resource, version_, std::move(object), std::move(before)});
    if (changes_.size() <= changes_kept) return;
    forgotten_ = changes_.front().version;
    changes_.pop_front();
    ++first_;
}

std::optional<std::uint64_t> Store::after(std::uint64_t version) const {
    if (version < forgotten_ || version > version_) return std::nullopt;
    const auto next = std::ranges::upper_bound(changes_, version, std::ranges::less{},
                                               [](const Change& change) { return change.version; });
    return first_ + static_cast<std::uint64_t>(next - changes_.begin());
}

}  // namespace admin
