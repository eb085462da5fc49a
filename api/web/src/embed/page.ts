// The page /embed: a map for a frame, or, with wall=1, a wall screen. Each loads only what is its own.
if (new URLSearchParams(location.search).get("wall") === "1") void import("../dashboard/wall");
else void import("./map");
