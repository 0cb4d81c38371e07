/** A person of the demo company. Who may do what follows from the groups, in `resources/demo`. */
export interface Account {
  /** The account's name is its `sub`. */
  sub: string;
  name: string;
  email: string;
  title: string;
  groups: string[];
  /** More claims for the ID token, as another provider would send them (nested groups, distributed claims). */
  claims?: Record<string, unknown>;
}

export const accounts: Account[] = [
  {
    sub: 'engineer',
    name: 'Ines Varga',
    email: 'ines.varga@lanternworks.example',
    title: 'Software engineer, project Apollo',
    groups: ['staff', 'engineering', 'apollo'],
  },
  {
    sub: 'marketer',
    name: 'Malik Osei',
    email: 'malik.osei@lanternworks.example',
    title: 'Marketing lead, project Zephyr',
    groups: ['staff', 'marketing', 'zephyr'],
  },
  {
    sub: 'finance',
    name: 'Freja Lindqvist',
    email: 'freja.lindqvist@lanternworks.example',
    title: 'Payroll accountant, project Borealis',
    groups: ['staff', 'finance', 'borealis'],
  },
  {
    sub: 'admin',
    name: 'Adaeze Brandt',
    email: 'adaeze.brandt@lanternworks.example',
    title: 'IT administrator',
    groups: ['staff', 'it', 'apollo', 'zephyr', 'borealis'],
  },
];
