// The kinds of event generator, each in its own file; EventGenerator::make() chooses.
#pragma once

#include <memory>

#include "operators/generator.h"

namespace rideflow::generator {

std::unique_ptr<EventGenerator> make_rides(const GeneratorOptions& options);
std::unique_ptr<EventGenerator> make_vehicles(const GeneratorOptions& options);
// How many vehicles rides of these options need: none drives two at a time.
int64_t fleet_of_rides(const GeneratorOptions& options);
std::unique_ptr<EventGenerator> make_users(const GeneratorOptions& options);
std::unique_ptr<EventGenerator> make_users_schema(const GeneratorOptions& options);

}  // namespace rideflow::generator
