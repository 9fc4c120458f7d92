export function mount(_element: HTMLElement): void {}
