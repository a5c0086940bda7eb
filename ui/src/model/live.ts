/** The rollups that the live page asks; with all of them there, it is the first page. */
export const LIVE_ROLLUPS = ['live_rides', 'live_cells', 'live_trips', 'rides_by_minute', 'live_ratings'];
