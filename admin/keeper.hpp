// Who keeps the objects that come over the API, and puts them in force.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

namespace admin {

// What shall be from now on.
struct Wish {
    std::string api_version, kind, name_space, name;
    boost::json::object object;  // whole, but for status and resourceVersion
    // Of an object that comes from a file only the number of pods may be set here; `object` is then what is
    // shown.
    bool only_replicas = false;
    bool remove = false;
    bool dry_run = false;
};

// Something that is wrong with an object, or a warning.
struct Finding {
    std::string field;  // "spec.template.spec.containers[0].image"; empty: the object as a whole
    std::string text;
    bool unknown_field = false;
};

struct Kept {
    enum class Kind { done, invalid, full, failed };
    Kind kind = Kind::done;
    std::vector<Finding> errors, warnings;
    std::string sentence;  // full, failed: what happened, and that nothing has changed
};

class Keeper {
public:
    virtual ~Keeper() = default;

    // Checked together with everything else, kept so that it outlives us, in force; or nothing has happened.
    virtual Kept carry_out(const Wish&) = 0;
};

}  // namespace admin
