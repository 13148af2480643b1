export const title = "Count";
