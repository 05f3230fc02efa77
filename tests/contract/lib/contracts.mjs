// The folders with contracts, from here.
export const contracts = ["fixture", "../../demo-app/contract"];
