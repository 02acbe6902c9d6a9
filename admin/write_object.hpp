// The object that a change is about: what there is of it, what of a new state can be no right one, and what
// its metadata says. Pure.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "admin/keeper.hpp"
#include "admin/write.hpp"
#include "admin/write_request.hpp"

namespace admin {

// What there is now of the object that a request names.
struct Current {
    std::shared_ptr<const Stored> stored;
    const proxy::ObjectView* view = nullptr;
    json::object shown;  // as GET shows it, without its status

    explicit operator bool() const { return stored != nullptr; }
};
Current look_up(const Write&, const World&);

Answer not_there(const Write&);
Answer from_a_file(const Write&, const Current&);  // and is to be changed there

// Of the object that is named; its content is the caller's.
Wish wish_for(const Write&);
Manager manager_of(const Write&, const World&);

std::string_view meta(const json::object&, std::string_view name);  // of its metadata; empty: it has none
json::object& metadata_of(json::object&);
void take_annotation(json::object&, std::string_view name);
void put_annotation(json::object&, std::string_view name, std::string_view value);

bool same_but_for_bookkeeping(json::object, json::object);

// Whether a new state is of the object that the request names. A name that only the body has becomes the
// request's. The Answer is why not, as of the next.
std::optional<Answer> check_identity(Write&, const json::object& next);
// Whether it still is the one that the client has seen.
std::optional<Answer> check_preconditions(const Write&, const Current&, std::string_view uid,
                                          std::string_view version);

}  // namespace admin
