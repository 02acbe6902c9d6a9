// Lists and watches in the forms that kubectl asks for: objects or tables. Pure; the time is passed in.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "admin/selector.hpp"
#include "admin/store.hpp"

namespace admin {

// Which objects of a resource, and in what form.
struct Query {
    const Resource* resource = nullptr;
    std::string name_space;  // empty: all
    std::string name;        // empty: all
    Selector labels, fields;
    bool table = false;
    bool marks_beginning = false;  // a watch says when all was told that there was (KEP-3157)

    // A list in pages. Later ones are of the present, and carry the version of the first: a watch from there
    // on tells what has changed between them.
    std::size_t limit = 0;                                     // 0: all at once
    std::optional<std::pair<std::string, std::string>> after;  // namespace and name of the last one before
    std::uint64_t version = 0;                                 // with `after`: the first page's

    bool matches(const Item&) const;
};

// `limit` and `continue` of a list. False: the place to go on from is no more.
bool take_page(Query&, std::string_view limit, std::string_view token, const Store&);

json::object whole_object(const Resource&, const Stored&);
json::object list(const Query&, const Store&, WallTime now);                   // an XList or a Table
json::object single(const Query&, const Store&, const Stored&, WallTime now);  // an X or a Table of one row

// A failure as the Kubernetes API says it: kubectl prints "Error from server (REASON): MESSAGE".
json::object failure(int code, std::string_view reason, std::string_view message);

// One client's way along the row of changes.
class Watch {
public:
    // From just after `version`; empty or 0: with everything there is as ADDED first.
    Watch(Query, const Store&, std::optional<std::uint64_t> version);

    // The next lines, each a JSON object and a line feed; about `most` octets at once. Empty: nothing new.
    std::string take(const Store&, WallTime now, std::size_t most = 64 << 10);
    // A line that says only how far the watch is, for clients that asked for it; take() everything before.
    std::string bookmark(const Store&);
    // No line will follow: the watch was too slow, and has said so.
    bool ended() const { return ended_; }

private:
    std::string line(ChangeType, const Resource&, const Stored&, std::uint64_t version, WallTime now);
    std::string expire(const Store&);
    std::string mark(const Store&, bool end_of_beginning);

    Query query_;
    std::vector<std::shared_ptr<const Stored>> initial_;  // reversed: the next is the last
    std::uint64_t place_ = 0;
    bool expired_ = false;
    bool ended_ = false;
    bool columns_sent_ = false;
};

}  // namespace admin
