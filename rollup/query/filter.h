// Druid's filters: parsed once per query, bound to each part, evaluated page by page.
//
// Three-valued logic as in Druid since version 28: a comparison with null is unknown, `not` keeps it unknown,
// and only rows that are true pass. A predicate over a dimension looks at each distinct value once and then
// at codes. A multi-value row is true when any of its values is.
#pragma once

#include <memory>
#include <vector>

#include "rollup/query/json.h"
#include "rollup/query/page.h"

class Roaring;  // of CRoaring

namespace rideflow::rollup {

// and = least, or = greatest, not = 2 - x.
enum Truth : uint8_t { kFalse = 0, kUnknown = 1, kTrue = 2 };

// A filter bound to one part.
class PageFilter {
 public:
  virtual ~PageFilter() = default;
  // One Truth per row of the page.
  virtual Status eval(Page& page, uint8_t* out) = 0;
  // The rows of the part that may be true, from its index; false: cannot tell.
  virtual bool candidates(const PartView& part, ::Roaring& rows) const {
    (void)part;
    (void)rows;
    return false;
  }
};

class Filter {
 public:
  virtual ~Filter() = default;
  virtual std::unique_ptr<PageFilter> bind(const PartView& part) const = 0;
  // Over one row of values by name: for having filters.
  using Lookup = std::function<Datum(const std::string& name)>;
  virtual Truth test(const Lookup& lookup) const = 0;

  // `columns` must outlive the filter.
  static Result<std::shared_ptr<const Filter>> parse(const Json& json, const QueryColumns& columns);
};

}  // namespace rideflow::rollup
